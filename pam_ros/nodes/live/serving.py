# SPDX-License-Identifier: Apache-2.0
"""The live page beside a robot: a node and its executor, a server and its loop, until closed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from pam_ros.live.admission import Admission, new_token
from pam_ros.live.errors import LiveError
from pam_ros.live.server import LiveServer
from pam_ros.nodes.live.graph import LiveGraph
from pam_ros.robot.topics import NODE

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 8765
HOST = "127.0.0.1"
START_S = 30.0
STOP_S = 30.0
PAUSE_S = 0.01
"""An error that comes again and again leaves time for other work."""


@dataclass(frozen=True)
class LiveOptions:
    """What page is served, and where.

    Attributes:
        target: full name of the inference node.
        host: address to listen on.
        port: to listen on; None: PORT, or where that is taken any that is free.
        names: further names by which this machine is called in addresses.
        record_to: folder of recordings.
        contract: of what is recorded; empty: that of the inference node.
    """

    target: str = NODE
    host: str = HOST
    port: int | None = None
    names: tuple[str, ...] = ()
    record_to: Path = field(default_factory=lambda: Path("recordings"))
    contract: str = ""


class Live:
    """Serves from its making on, in two threads of its own; ROS has been started by then.

    Attributes:
        address: to open, with the token.

    Raises:
        LiveError: it cannot listen there.
    """

    def __init__(self, options: LiveOptions) -> None:
        self._options = options
        self._token = new_token()
        self.address = ""
        self._error: BaseException | None = None
        self._ready = threading.Event()
        self._executor = SingleThreadedExecutor()
        self._graph: LiveGraph | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ended = threading.Event()
        self._spinning = threading.Thread(target=self._spin, name="live graph", daemon=True)
        self._serving = threading.Thread(target=self._run, name="live server", daemon=True)
        self._spinning.start()
        self._serving.start()
        if not self._ready.wait(START_S):
            self.close()
            raise LiveError(f"the live page has not started within {START_S:.0f} s")
        if self._error is not None:
            self._end_spinning()
            raise self._error

    def close(self) -> None:
        """Let go of the robot, end a recording, and serve no more."""
        if self._serving.is_alive():
            with contextlib.suppress(RuntimeError):  # it has ended just now
                self._loop.call_soon_threadsafe(self._stop.set)
            self._serving.join(STOP_S)
        self._end_spinning()

    def _end_spinning(self) -> None:
        self._ended.set()
        self._executor.shutdown(timeout_sec=2.0)
        self._spinning.join(2.0)

    def _spin(self) -> None:
        # To the very end: closing asks the executor as well.
        while not self._ended.is_set() and not self._spun():
            pass

    def _spun(self) -> bool:
        """Spin; false where a message that cannot be read has ended it."""
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return True
        except Exception as error:  # noqa: BLE001  (what comes from outside ends no page)
            graph = self._graph
            if graph is not None:
                graph.node.get_logger().error(str(error), throttle_duration_sec=1.0)
            time.sleep(PAUSE_S)
            return False
        return True

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001  (raised where the page is made)
            self._error = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        options = self._options
        self._graph = graph = LiveGraph(
            *(self._executor, options.target, options.record_to, options.contract)
        )
        admission = Admission(options.host, self._token, options.names)
        server = LiveServer(graph, admission)
        graph.start(server.pages)
        runner = web.AppRunner(server.application(), access_log=None, handle_signals=False)
        await runner.setup()
        try:
            port = await _listen(runner, options)
            self.address = f"http://{_in_address(options.host)}:{port}/#token={self._token}"
            self._ready.set()
            await self._stop.wait()
        finally:
            try:
                await runner.cleanup()
            finally:
                await graph.close()


async def _listen(runner: web.AppRunner, options: LiveOptions) -> int:
    """The port that is listened on."""
    wanted = PORT if options.port is None else options.port
    try:
        site = web.TCPSite(runner, options.host, wanted, shutdown_timeout=2.0)
        await site.start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            words = error.strerror or str(error)
            raise LiveError(f"cannot listen on {options.host}: {words}") from error
        if options.port is not None:
            raise LiveError(
                f"port {wanted} of {options.host} is in use: name another with --port, or none and "
                "a free one is taken"
            ) from error
        await web.TCPSite(runner, options.host, 0, shutdown_timeout=2.0).start()
    address = runner.addresses[0]
    return int(address[1])


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def serve(options: LiveOptions, wait: Callable[[], object], say: Callable[[str], object]) -> None:
    """Serve until `wait` returns; says the address.

    Raises:
        LiveError: it cannot listen there.
    """
    live = Live(options)
    try:
        say(live.address)
        wait()
    finally:
        live.close()
