# SPDX-License-Identifier: Apache-2.0
"""`pam_ros language`: does a policy read its words?

The same pictures are shown with other words, and it is measured how far the predicted chunk goes:
for another instruction, an object that is not there, the words in another order, words that mean
nothing, no words, and without each word alone; beside other noise and the attention on each word.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.language.output import JSON, PAGE, locked, write_files
from pam_ros.ablation.language.report import from_json
from pam_ros.ablation.language.table import text
from pam_ros.attention.selection import LAST
from pam_ros.observations.options import add_source_options
from pam_ros.policy.words import why_no_instruction
from pam_ros.sae.policy_options import add_policy_options
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.language.report import LanguageReport


def main(argv: Sequence[str]) -> int:
    """Measure, print the answer and the tables, write the files; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("pam_ros").setLevel(logging.INFO)
    _check(options)
    if options.show:
        report = _read(Path(options.show))
        if options.out:
            with locked(Path(options.out)):
                write_files(Path(options.out), report)
    else:
        from pam_ros.ablation.language.run import run  # noqa: PLC0415  (torch takes seconds)

        report = run(options)
    sys.stdout.write(text(report))
    if options.out:
        sys.stdout.write(f"{Path(options.out) / PAGE}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros language",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_policy_options(parser, "demo_smolvla")
    add_source_options(parser, "look at the demo arm: the default", required=False)
    add = parser.add_argument
    add(
        "--instruction",
        default="",
        help="what is said; default: as recorded, else the policy's, else (--sim) its red cube",
    )
    add(
        "--other",
        action="append",
        default=[],
        metavar="TEXT",
        help="another instruction; may be repeated; the recording's own others are taken too",
    )
    add(
        "--absent",
        action="append",
        default=[],
        metavar="TEXT",
        help="an instruction with an object that is not there; may be repeated; default: the last "
        "word is replaced",
    )
    add("--episodes", type=int, default=None, help="at most; default: 20 with --sim, else 50")
    add(
        "--seed",
        type=int,
        default=None,
        help="first scene, 1000 unless given; first episode of bags or a dataset, 0 unless given",
    )
    add("--frames", type=int, default=100, help="to look at, spread evenly over the episodes")
    add("--method", default="", help="whose attention on words is told; default: the usual one")
    add("--layer", type=int, default=-1)
    add("--head", default="mean")
    add("--query", default="mean")
    add("--step", default=LAST, help="of the denoising: last, mean or its number")
    add("-o", "--out", default="", help=f"folder for {JSON} and {PAGE}; without it, print alone")
    add("--show", default="", metavar=JSON, help="print this one again; with --out, make its page")
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.frames < 1:
        raise AblationError(f"--frames {options.frames} must be at least 1")
    if options.episodes is not None and options.episodes < 1:
        raise AblationError(f"--episodes {options.episodes} must be at least 1")
    if options.seed is not None and options.seed < 0:
        raise AblationError(f"--seed {options.seed} must not be negative")
    said = [("--other", text) for text in options.other]
    said += [("--absent", text) for text in options.absent]
    if options.instruction:
        said.append(("--instruction", options.instruction))
    for option, words in said:
        reason = why_no_instruction(words)
        if reason:
            raise AblationError(f"{option} cannot be said: {reason}")


def _read(file: Path) -> LanguageReport:
    if file.is_dir():
        file = file / JSON
    try:
        return from_json(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise AblationError(f"{file} is no language report: {error.reason}") from error
