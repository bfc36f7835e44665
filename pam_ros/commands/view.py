# SPDX-License-Identifier: Apache-2.0
"""`pam_ros view`: a bag or the running robot in Rerun."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.topics import NODE, RECORDER, topics_of
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract
from pam_ros.show.rerun.opening import close, into_file, into_viewer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.topics import Topics
    from pam_ros.show.rerun.from_bag import Shown

PORT = 9876


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros view ...`; returns the exit status."""
    parser = Parser(
        prog="pam_ros view",
        description="Shows cameras, overlays, attention shares, joints and features in Rerun.",
    )
    parser.add_argument("bag", type=Path, nargs="?", help="folder, .mcap or .db3 file")
    parser.add_argument(
        "--live", action="store_true", help="what is published now, instead of a bag"
    )
    parser.add_argument("--contract", required=True, help="file, or a shipped one's name")
    parser.add_argument(
        "--save", type=Path, help="write this .rrd file instead of opening a viewer"
    )
    parser.add_argument("--node", default=NODE, help=f"full name of the attention node, {NODE}")
    parser.add_argument("--recorder", default=RECORDER, help=f"of the sae_recorder, {RECORDER}")
    parser.add_argument("--port", type=int, default=PORT, help=f"of the viewer, {PORT}")
    parser.add_argument("--memory", default="25%", help="at most, for a viewer started here (25%%)")
    options = parser.parse_args(argv)
    if options.live == (options.bag is not None):
        parser.error("name a bag, or --live")
    logging.basicConfig(level=logging.WARNING, format="pam_ros view: %(message)s")
    contract = load_contract(find_contract(options.contract))
    topics = topics_of(contract, options.node, options.recorder)
    if options.live:
        return _live(options, contract, topics)
    return _report(_bag(options, contract, topics), options.save)


def _open(
    options: argparse.Namespace,
    topics: Topics,
    name: str,
    begin_ns: int | None = None,
    *,
    words: bool,
) -> Any:
    if options.save is not None:
        return into_file(options.save, topics, name, begin_ns, words=words)
    return into_viewer(topics, name, options.port, options.memory, begin_ns, words=words)


def _bag(options: argparse.Namespace, contract: Contract, topics: Topics) -> Shown:
    from pam_ros.show.rerun.from_bag import OpenBag  # noqa: PLC0415  (rosbags)

    # Before a viewer opens: there may be nothing to show.
    with OpenBag(options.bag, contract, topics) as bag:
        begin_ns, words = bag.first_map_ns(), bag.has_words()
        recording = _open(options, topics, options.bag.name, begin_ns, words=words)
        try:
            return bag.show(recording)
        finally:
            close(recording)


def _live(options: argparse.Namespace, contract: Contract, topics: Topics) -> int:
    from pam_ros.nodes.tools.view_node import run_view  # noqa: PLC0415  (rclpy)

    words = bool(contract.instruction)
    recording = _open(options, topics, f"{contract.robot}, live", words=words)
    try:
        return run_view(recording, contract, topics)
    finally:
        close(recording)


def _report(shown: Shown, path: Path | None) -> int:
    for topic, count in sorted(shown.counts.items()):
        sys.stdout.write(f"  {topic}: {count}\n")
    for topic, count in sorted(shown.bad.items()):
        sys.stdout.write(f"  {topic}: {count} could not be read\n")
    if shown.without_image:
        sys.stdout.write(f"  {shown.without_image} maps without the image that they explain\n")
    if path is not None:
        sys.stdout.write(f"{path}\n")
    if shown.damage:
        sys.stderr.write(f"pam_ros view: all before the damage is shown: {shown.damage}\n")
        return 1
    return 0
