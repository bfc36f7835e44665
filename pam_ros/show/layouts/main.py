# SPDX-License-Identifier: Apache-2.0
"""`pam_ros layouts`: RViz, rqt and Foxglove layouts for a contract."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.topics import NODE, RECORDER, topics_of
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract
from pam_ros.show.layouts.foxglove import foxglove
from pam_ros.show.layouts.rqt import rqt
from pam_ros.show.layouts.rviz import rviz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.robot.topics import Topics

DEFAULT_CONTRACT = "demo_arm"
"""The contract of the layouts in config/."""


LAYOUTS: dict[str, Callable[[Topics], str]] = {
    "pam_ros.rviz": rviz,
    "pam_ros.perspective": rqt,
    "pam_ros.foxglove.json": foxglove,
}
"""Each viewer's file, and what writes its text. A new viewer is a file beside this one, and a line
here."""


def layouts(topics: Topics) -> dict[str, str]:
    """Each file's name and text."""
    return {name: text(topics) for name, text in LAYOUTS.items()}


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros layouts ...`; returns the exit status."""
    parser = Parser(
        prog="pam_ros layouts",
        description="Writes pam_ros.rviz, pam_ros.perspective (rqt) and pam_ros.foxglove.json for "
        "a contract's cameras and joints.",
    )
    parser.add_argument(
        "--contract", default=DEFAULT_CONTRACT, help="file, or a shipped one's name"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--node", type=_node, default=NODE, help=f"attention node, {NODE}")
    parser.add_argument("--recorder", type=_node, default=RECORDER, help=f"sidecar, {RECORDER}")
    options = parser.parse_args(argv)
    contract = load_contract(find_contract(options.contract))
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in layouts(topics_of(contract, options.node, options.recorder)).items():
        path = options.out / name
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _node(name: str) -> str:
    """A node's full name; one without a slash is in the root namespace."""
    return name.rstrip("/") if name.startswith("/") else f"/{name.rstrip('/')}"
