# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae`: collect a policy's tokens, train sparse autoencoders on them, measure them."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.sae.errors import SaeError
from pam_ros.share import share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy import Policy
    from pam_ros.sae.sources import Source

_USAGE = """usage: pam_ros sae {collect,train,eval} [...]

  collect  a policy's tokens, from the simulator, rosbags or a LeRobot dataset
  train    a sparse autoencoder on collected tokens
  eval     measure one on held-out episodes
"""
_SIM_SEED = 500_000


def main(argv: Sequence[str]) -> int:
    """Run one of the sub-commands; returns the exit status."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    jobs = {"collect": _collect}
    if word not in jobs:
        sys.stderr.write(f"pam_ros sae: '{word}' is not one of {', '.join(jobs)}\n")
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    # A `kill` ends a job as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        jobs[word](rest)
    except SaeError as error:
        sys.stderr.write(f"pam_ros sae {word}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"\npam_ros sae {word}: stopped; the same command goes on from here\n")
        return 130
    return 0


def _policy_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy",
        default=str(share_directory() / "models" / "demo_act"),
        help="checkpoint folder or hub id; default: the demo policy",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--threads", type=int, default=0, help="of torch on the CPU; 0: its choice")


def _load_policy(options: argparse.Namespace) -> Policy:
    import torch  # noqa: PLC0415  (slow to load)

    from pam_ros.policy import PolicyError, load_policy  # noqa: PLC0415

    if options.threads > 0:
        torch.set_num_threads(options.threads)
    try:
        return load_policy(options.policy, device=options.device)
    except PolicyError as error:
        raise SaeError(str(error)) from error


def _collect(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="pam_ros sae collect",
        description="Collect a policy's tokens; the same command again goes on where it stopped.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the store")
    _policy_options(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sim", action="store_true", help="the policy drives the demo arm")
    parser.add_argument("--episodes", type=int, default=400, help="with --sim")
    parser.add_argument("--seed", type=int, default=_SIM_SEED, help="with --sim: the first scene's")
    parser.add_argument("--layer", default="encoder", help="whose output the tokens are")
    parser.add_argument(
        "--sampler", default="all", help="all, uniform(64, seed=0), stride(2), block(2x2)"
    )
    parser.add_argument(
        "--observations", action="store_true", help="keep them too, for `pam_ros sae eval`"
    )
    parser.add_argument("--tokens", type=int, default=None, help="stop at this many rows")
    parser.add_argument("--max-gib", type=float, default=20.0, help="stop at this size on disk")
    parser.add_argument("--shard-rows", type=int, default=1 << 17, help="rows held in memory")
    options = parser.parse_args(argv)

    from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415

    from pam_ros.sae.collect import collect  # noqa: PLC0415
    from pam_ros.sae.tokens import parse_sampler  # noqa: PLC0415

    sampler = parse_sampler(options.sampler)
    policy = _load_policy(options)
    with tqdm(unit=" tokens", disable=None) as bar:

        def progress(episode: int, rows: int) -> None:
            bar.set_description(f"episode {episode}", refresh=False)
            bar.update(rows - bar.n)

        reason = collect(
            policy,
            _source(options, policy),
            sampler,
            options.out,
            layer=options.layer,
            observations=options.observations,
            shard_rows=options.shard_rows,
            max_rows=options.tokens,
            max_bytes=int(options.max_gib * 2**30),
            progress=progress,
        )
    sys.stdout.write(f"{options.out}: {reason}\n")


def _source(options: argparse.Namespace, policy: Policy) -> Source:
    from pam_ros.sae.sources import RolloutSource  # noqa: PLC0415

    return RolloutSource(policy, range(options.seed, options.seed + options.episodes))
