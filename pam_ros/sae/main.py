# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae`: collect a policy's tokens, train sparse autoencoders on them, measure them."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_USAGE = """usage: pam_ros sae {collect,train,eval,describe,ood} [...]

  collect   a policy's tokens, from the simulator, rosbags or a LeRobot dataset
  train     a sparse autoencoder on collected tokens
  eval      measure one on held-out episodes
  describe  what each feature fires on, as Parquet and JSON
  ood       is what the policy sees unlike its training set? fit, break, eval
"""
JOBS = {
    "collect": "pam_ros.sae.collect.job",
    "train": "pam_ros.sae.train.job",
    "eval": "pam_ros.sae.evaluate.job",
    "describe": "pam_ros.sae.describe.job",
    "ood": "pam_ros.sae.ood.job",
}


def main(argv: Sequence[str]) -> int:
    """Run one of the sub-commands; returns the exit status."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    if word not in JOBS:
        sys.stderr.write(f"pam_ros sae: '{word}' is not one of {', '.join(JOBS)}\n")
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    # A `kill` ends a job as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    job: Callable[[Sequence[str]], None] = importlib.import_module(JOBS[word]).run
    job(rest)
    return 0
