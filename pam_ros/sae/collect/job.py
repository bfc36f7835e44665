# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae collect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.observations.options import (
    add_instruction_option,
    add_source_options,
    open_recorded,
)
from pam_ros.observations.simulator import simulators_words
from pam_ros.sae.errors import SaeError
from pam_ros.sae.policy_options import add_policy_options, open_policy
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.observations.source import Source
    from pam_ros.policy import Policy

_SIM_SEED = 500_000


def run(argv: Sequence[str]) -> None:
    """Parse, collect, print where it ended."""
    options = _parser().parse_args(argv)
    if options.shard_rows < 1 or (options.tokens is not None and options.tokens < 1):
        raise SaeError("--shard-rows and --tokens must be at least 1")

    from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415

    from pam_ros.sae.collect.collector import collect  # noqa: PLC0415
    from pam_ros.sae.store.tokens import parse_sampler  # noqa: PLC0415

    sampler = parse_sampler(options.sampler)
    policy = open_policy(options)
    said = options.instruction or (simulators_words(policy) if options.sim else "")
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
            instruction=said,
        )
    sys.stdout.write(f"{options.out}: {reason}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros sae collect",
        description="Collect a policy's tokens; the same command again goes on where it stopped.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the store")
    add_policy_options(parser)
    add_source_options(parser, "the policy drives the demo arm", required=True)
    add_instruction_option(parser, "(--sim) its red cube")
    parser.add_argument(
        "--episodes", type=int, help="how many; default: 400 with --sim, else all of them"
    )
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
    return parser


def _source(options: argparse.Namespace, policy: Policy) -> Source:
    if options.episodes is not None and options.episodes < 1:
        raise SaeError(f"--episodes {options.episodes} must be at least 1")
    if options.sim:
        from pam_ros.observations.simulator import RolloutSource  # noqa: PLC0415

        count = 400 if options.episodes is None else options.episodes
        return RolloutSource(policy, range(options.seed, options.seed + count))
    recorded = open_recorded(options, policy, options.episodes)
    if recorded is None:
        raise SaeError("name a source: --sim, --bag or --dataset")
    return recorded
