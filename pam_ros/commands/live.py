# SPDX-License-Identifier: Apache-2.0
"""`pam_ros live`: a web page of the running robot."""

from __future__ import annotations

import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import rclpy
from rclpy.signals import SignalHandlerOptions

from pam_ros.live.admission import is_local
from pam_ros.live.errors import LiveError
from pam_ros.robot.topics import NODE
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.nodes.live.serving import LiveOptions


def main(argv: Sequence[str]) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    options = _options(argv)
    from pam_ros.nodes.live.serving import serve  # noqa: PLC0415  (aiohttp, which _options asks for)

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        serve(options, ended.wait, lambda address: _say(address, options.host))
    finally:
        rclpy.try_shutdown()
    return 0


def _say(address: str, host: str) -> None:
    sys.stdout.write(f"the live page: {address}\n")
    if not is_local(host):
        sys.stdout.write(
            "  in plain text over the network: whoever reads along has the token. Where that "
            "matters, listen on 127.0.0.1 and use an SSH tunnel\n"
        )
    sys.stdout.write("Ctrl-C ends it; the robot's node goes on.\n")
    sys.stdout.flush()


def _options(argv: Sequence[str]) -> LiveOptions:
    check_aiohttp()
    from pam_ros.nodes.live.serving import HOST, PORT, LiveOptions  # noqa: PLC0415  (as above)

    parser = Parser(
        prog="pam_ros live",
        description="A web page of the running robot: cameras with heat, shares, chunk and "
        "commands; what is shown by click; enabling, instructing and recording by the page that "
        "holds the robot; disabling by any.",
    )
    parser.add_argument("--node", default=NODE, help=f"full name of the inference node, {NODE}")
    parser.add_argument(
        "--host", default=HOST, help=f"address to listen on, {HOST}: this machine alone"
    )
    parser.add_argument("--port", type=int, help=f"{PORT}, or a free one where that is in use")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="a further name of this machine, as in the addresses of those who open the page",
    )
    parser.add_argument(
        "--record-to", type=Path, default=Path("recordings"), help="folder of recordings"
    )
    parser.add_argument(
        "--contract", default="", help="whose topics a recording holds; else the node's own"
    )
    given = parser.parse_args(argv)
    if given.port is not None and not 0 <= given.port <= 65535:
        parser.error("--port is from 0 to 65535")
    return LiveOptions(
        *(given.node, given.host, given.port, tuple(given.name), given.record_to, given.contract)
    )


def check_aiohttp() -> None:
    """Raise LiveError where the server's package is missing."""
    if find_spec("aiohttp") is None:
        raise LiveError("the live page needs aiohttp: pip install 'pam_ros[live]'")
