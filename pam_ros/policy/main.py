# SPDX-License-Identifier: Apache-2.0
"""`pam_ros policy`: what a checkpoint reads, writes and shows, and how fast it is here."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from pam_ros.policy.engines.names import CHOICES, DTYPES
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run a sub-command; returns the exit status.

    Raises:
        PolicyError: the checkpoint cannot be used.
    """
    options = _parser().parse_args(argv)
    sys.stderr.write(f"loading {options.path} ...\n")
    sys.stderr.flush()
    from pam_ros.policy import load_policy  # noqa: PLC0415  (torch takes seconds)
    from pam_ros.policy.info import info_of, text_of  # noqa: PLC0415

    policy = load_policy(
        options.path, device=options.device, engine=options.engine, dtype=options.dtype
    )
    if options.passes:
        sys.stderr.write(f"timing {options.passes} passes ...\n")
        sys.stderr.flush()
    info = info_of(policy, options.passes)
    sys.stdout.write(json.dumps(info, indent=2) + "\n" if options.json else text_of(info))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pam_ros policy", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True, metavar="JOB")
    info = words.add_parser(
        "info",
        help="what it reads, writes and shows, and how fast it is here",
        description="What a checkpoint reads, writes and shows, and how fast it is here.",
    )
    info.add_argument("path", help="a folder, or a model of the Hugging Face hub")
    info.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    info.add_argument("--engine", default="auto", choices=CHOICES)
    info.add_argument("--dtype", default="float32", choices=DTYPES)
    info.add_argument(
        "--passes", type=_passes, default=5, help="how many to time; 0: none; default 5"
    )
    info.add_argument("--json", action="store_true", help="for programs")
    return parser


def _passes(text: str) -> int:
    if not text.isdigit():
        message = f"'{text}' must be a whole number, 0 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)
