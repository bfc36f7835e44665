# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sim`: record the expert, train the demo policy, evaluate it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.sim.scene import IMAGE_WIDTH, TRAINING_SEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = """usage: pam_ros sim {evaluate,record,train} [...]

  evaluate  successes of a policy in unseen scenes, over topics
  record    the scripted expert's episodes as a LeRobotDataset
  train     the demo policy from scratch: record, train, write the checkpoint
"""


def main(argv: Sequence[str]) -> int:
    """Run one of the sub-commands; returns the exit status."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    if word == "evaluate":
        from pam_ros.commands.evaluate import main as evaluate  # noqa: PLC0415  (needs rclpy)

        return evaluate(rest)
    jobs = {"record": _record, "train": _train}
    if word not in jobs:
        sys.stderr.write(f"pam_ros sim: '{word}' is not one of evaluate, record, train\n")
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    jobs[word](rest)
    return 0


def _record(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="pam_ros sim record", description="Record the scripted expert as a LeRobotDataset."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the new dataset")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start, help="of the first scene")
    options = parser.parse_args(argv)
    from pam_ros.sim.training.dataset import record  # noqa: PLC0415  (slow to load)

    record(options.out, range(options.seed, options.seed + options.episodes))


def _train(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="pam_ros sim train",
        description="Train the demo policy from scratch; run again with the same --work to resume.",
    )
    parser.add_argument("--out", type=Path, default=Path("out/train/demo_act"), help="checkpoint")
    parser.add_argument("--work", type=Path, default=Path("out/train"), help="episodes and state")
    parser.add_argument("--episodes", type=int, default=1200, help="full reaches")
    parser.add_argument("--width", type=int, default=IMAGE_WIDTH, help="columns of its pictures")
    parser.add_argument(
        "--locate-weight", type=float, default=0.3,
        help="of the auxiliary loss that says where the cube is; 0 trains without it",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--validate-every", type=int, default=1000, help="steps; 0 never")
    options = parser.parse_args(argv)
    from pam_ros.sim.training.recipe import Recipe, train_demo  # noqa: PLC0415  (slow to load)

    recipe = Recipe(options.episodes, options.width, options.locate_weight)
    train_demo(options.out, options.work, recipe, options.device, options.validate_every)
