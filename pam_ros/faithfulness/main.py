# SPDX-License-Identifier: Apache-2.0
"""`pam_ros faithfulness`: does what the heat shows matter to the policy?

Prints a table for each method with 95% intervals over episodes. For the demo policy the pictures
come from the simulator, which also knows where the cube is and what the scene is without it; for
another policy from bags of its robot or a LeRobot dataset.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness import methods as methods_module
from pam_ros.faithfulness.compare import comparison
from pam_ros.faithfulness.figure import draw
from pam_ros.faithfulness.report import Report, from_json
from pam_ros.faithfulness.rows import merged
from pam_ros.faithfulness.run import AUTO, partial_file, run
from pam_ros.faithfulness.table import tables
from pam_ros.observations.options import add_instruction_option, add_source_options
from pam_ros.share.commands import Parser
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_FOR_INTERVALS = 2
_FIRST_SCENE = 3000


def main(argv: Sequence[str]) -> int:
    """Measure, print the tables, write the report; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("pam_ros").setLevel(logging.INFO)
    if options.seed is None:
        options.seed = 0 if options.dataset or options.bag else _FIRST_SCENE
    _check(options)
    if options.compare:
        sys.stdout.write(comparison([_read(name) for name in options.compare]))
        return 0
    report = _report(options)
    if options.json:
        Path(options.json).write_text(report.to_json(), encoding="utf-8")
        partial_file(options).unlink(missing_ok=True)
    sys.stdout.write(tables(report))
    if options.figure:
        draw(report, Path(options.figure))
    return 0


def _report(options: argparse.Namespace) -> Report:
    if options.show:
        return _read(options.show)
    if not options.add:
        return run(options, None)
    earlier = _read(options.add)
    return merged(earlier, run(options, earlier))


def _read(name: str) -> Report:
    return from_json(Path(name).read_text(encoding="utf-8"))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros faithfulness",
        description=__doc__,
        epilog=methods_module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        help="first scene, 3000 unless given; first episode of bags or a dataset, 0 unless given",
    )
    add_source_options(parser, "look at the demo arm: the default", required=False)
    add_instruction_option(parser, "(simulator) its red cube")
    parser.add_argument("--methods", default="attention,gradients", help="see below")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="deletion and insertion alone, all that the choice of a default needs",
    )
    parser.add_argument(
        "--replace",
        default=AUTO,
        help="what replaces cells, as a list of: blur, mean, patches, inpaint, and road, which "
        "checks the others. auto: as many of the first four as take half a minute a moment",
    )
    parser.add_argument(
        "--moved",
        action="store_true",
        help="swap with the cube elsewhere too: needs each map of two renderings",
    )
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="chunks of spoilt pictures under torch's bfloat16 autocast, for GPUs",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the cores")
    parser.add_argument(
        "--sanity",
        type=int,
        default=0,
        metavar="EPISODES",
        help="compare with maps of shuffled weights on so many of the episodes",
    )
    parser.add_argument("--json", default="", help="write the report to this file")
    parser.add_argument(
        "--add", default="", help="report of the same episodes that the new rows join"
    )
    parser.add_argument(
        "--show", default="", help="print this report's tables again, and measure nothing"
    )
    parser.add_argument(
        "--compare",
        nargs="+",
        default=[],
        metavar="REPORT",
        help="print reports of several policies as one table, and measure nothing",
    )
    parser.add_argument(
        "--token-means",
        default="",
        metavar="FILE",
        help="mean tokens that token_contribution compares with; default: the checkpoint's own "
        "(token_means.npz in its folder), else of these episodes",
    )
    parser.add_argument(
        "--save-token-means", default="", metavar="FILE", help="write those of these episodes"
    )
    parser.add_argument("--figure", default="", help="draw the curves into this PNG file")
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.episodes < _LEAST_FOR_INTERVALS:
        message = f"--episodes {options.episodes} must be at least 2: intervals are over episodes"
        raise AttentionError(message)
    if options.jobs < 1:
        message = f"--jobs {options.jobs} must be at least 1"
        raise AttentionError(message)
    if options.seed < 0:
        message = f"--seed {options.seed} must not be negative"
        raise AttentionError(message)
    if not 0 <= options.sanity <= options.episodes:
        message = f"--sanity {options.sanity} must be from 0 to the {options.episodes} episodes"
        raise AttentionError(message)
    for name in (options.json, options.figure, options.save_token_means):
        if name and not Path(name).resolve().parent.is_dir():
            message = f"{name} cannot be written: its folder does not exist"
            raise AttentionError(message)
