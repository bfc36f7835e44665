# SPDX-License-Identifier: Apache-2.0
"""`pam_ros ablate`: which of its inputs does a policy use?

Each camera, the joint state, the environment state and the words are replaced in turn, and it is
measured how far the predicted chunk goes: by another frame's value, its mean, a blurred picture, or
the episode's first. In the simulator the policy also drives with each of them replaced.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.output import JSON, PAGE, write_output
from pam_ros.ablation.replacements import REPLACEMENTS
from pam_ros.ablation.report import from_json
from pam_ros.ablation.table import text
from pam_ros.observations.options import add_source_options
from pam_ros.sae.policy_options import add_policy_options
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.report import Report


def main(argv: Sequence[str]) -> int:
    """Measure, print the answers and the table, write the files; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("pam_ros").setLevel(logging.INFO)
    _check(options)
    if options.show:
        report = _read(Path(options.show))
        if options.out:
            write_output(Path(options.out), report, ())
    else:
        from pam_ros.ablation.run import run  # noqa: PLC0415  (torch takes seconds)

        report = run(options)
    sys.stdout.write(text(report))
    if options.out:
        sys.stdout.write(f"{Path(options.out) / PAGE}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros ablate",
        description=__doc__,
        epilog="replacements:\n" + "".join(f"  {w:6} {s}\n" for w, s in REPLACEMENTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_policy_options(parser)
    add_source_options(parser, "look at the demo arm: the default", required=False)
    parser.add_argument(
        "--episodes", type=int, default=None, help="at most; default: 20 with --sim, else 50"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        help="first scene, 1000 unless given; first episode of bags or a dataset, 0 unless given",
    )
    parser.add_argument(
        "--frames", type=int, default=100, help="to look at, spread evenly over the episodes"
    )
    parser.add_argument("--inputs", default="", help="top,state,...; default: all that it reads")
    parser.add_argument("--replace", default="", help="of the replacements below; default: all")
    parser.add_argument(
        "--closed-loop",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="in the simulator: let the policy drive with each input replaced",
    )
    parser.add_argument(
        "-o", "--out", default="", help=f"folder for {JSON} and {PAGE}; without it, print alone"
    )
    parser.add_argument(
        "--show", default="", metavar=JSON, help="print this one again; with --out, make its page"
    )
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.frames < 1:
        raise AblationError(f"--frames {options.frames} must be at least 1")
    least = 1 if options.dataset or options.bag else 2
    if options.episodes is not None and options.episodes < least:
        why = ": another scene's inputs stand in" if least > 1 else ""
        raise AblationError(f"--episodes {options.episodes} must be at least {least}{why}")
    if options.seed is not None and options.seed < 0:
        raise AblationError(f"--seed {options.seed} must not be negative")


def _read(file: Path) -> Report:
    if file.is_dir():
        file = file / JSON
    try:
        return from_json(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise AblationError(f"{file} is no ablation report: {error.reason}") from error
