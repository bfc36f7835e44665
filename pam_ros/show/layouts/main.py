# SPDX-License-Identifier: Apache-2.0
"""`pam_ros layouts`: RViz, rqt and Foxglove layouts for a contract."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.topics import DEMO_SCENE, NODE, RECORDER, WORDS_IMAGE, full_name, topics_of
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract
from pam_ros.show.layouts.foxglove import foxglove
from pam_ros.show.layouts.rqt import rqt
from pam_ros.show.layouts.rviz import InSpace, rviz

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from pam_ros.robot import Contract
    from pam_ros.robot.topics import Topics

DEFAULT_CONTRACT = "demo_arm"
"""The contract of the layouts in config/."""
OF_THE_DEMO = InSpace(scene=DEMO_SCENE)
"""What stands around the demo arm is told by its driver."""


LAYOUTS: dict[str, Callable[[Topics, InSpace], str]] = {
    "pam_ros.rviz": rviz,
    "pam_ros.perspective": lambda topics, _: rqt(topics),
    "pam_ros.foxglove.json": lambda topics, _: foxglove(topics),
}
"""Each viewer's file, and what writes its text. A new viewer is a file beside this one, and a line
here."""


def layouts(topics: Topics, space: InSpace = OF_THE_DEMO) -> dict[str, str]:
    """Each file's name and text."""
    return {name: text(topics, space) for name, text in LAYOUTS.items()}


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
    parser.add_argument(
        "--words",
        action="store_true",
        help="the strip of words too, of a policy that reads some; default: if the contract has an "
        "instruction",
    )
    parser.add_argument(
        "--displays", type=_node, default=InSpace.displays, help="node with heat in space"
    )
    parser.add_argument(
        "--urdf", type=Path, help="the robot's; its root link becomes RViz's Fixed Frame"
    )
    parser.add_argument(
        "--fixed-frame", help=f"RViz's Fixed Frame; {InSpace.fixed_frame}, or the URDF's root"
    )
    parser.add_argument(
        "--robot-description", default=InSpace.description, help="topic of the robot's URDF"
    )
    options = parser.parse_args(argv)
    contract = load_contract(find_contract(options.contract))
    space = _in_space(options, contract)
    options.out.mkdir(parents=True, exist_ok=True)
    topics = topics_of(contract, options.node, options.recorder)
    if options.words:
        topics = replace(topics, words=full_name(WORDS_IMAGE, options.node))
    for name, text in layouts(topics, space).items():
        path = options.out / name
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _in_space(options: argparse.Namespace, contract: Contract) -> InSpace:
    """What the 3D view shows, by the options.

    Raises:
        MessageError: the file is no URDF.
        OSError: it cannot be read.
    """
    frame = options.fixed_frame
    if frame is None and options.urdf is not None:
        frame = read_tree(options.urdf.read_text(encoding="utf-8", errors="replace")).root
    return InSpace(
        frame or InSpace.fixed_frame,
        options.robot_description,
        options.displays,
        OF_THE_DEMO.scene if contract.robot == DEFAULT_CONTRACT else "",
    )


def _node(name: str) -> str:
    """A node's full name; one without a slash is in the root namespace."""
    return name.rstrip("/") if name.startswith("/") else f"/{name.rstrip('/')}"
