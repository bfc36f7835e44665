# SPDX-License-Identifier: Apache-2.0
"""The server of the live page: its files, and a WebSocket for each page that is open.

All that a page asks comes over its WebSocket, so there is no address that another site's form or
picture could ask for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import WSCloseCode, WSMsgType, web

from pam_ros.live.admission import HEADERS
from pam_ros.live.files import FILES, page_file
from pam_ros.live.flood import MESSAGE_BYTES
from pam_ros.live.holding import LEASE_S, Holding
from pam_ros.live.pages import MOST, Page, Pages
from pam_ros.live.requests import BEAT_S, WHY_NO_MORE, RequestError, Requests
from pam_ros.live.robot import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pam_ros.live.admission import Admission
    from pam_ros.live.robot import Robot

SILENT_S = LEASE_S
"""A page that answers no beat for so long sleeps or is gone."""
HELLO_S = 10.0
DONE_WITHIN_S = 5.0
_log = logging.getLogger(__name__)


class LiveServer:
    """Pages, who holds the robot, and the web application that serves them.

    Args:
        robot: the running robot.
        admission: who may come.
    """

    def __init__(self, robot: Robot, admission: Admission) -> None:
        self._robot = robot
        self._admission = admission
        self._holding = Holding()
        self.pages = Pages(robot)
        self._requests = Requests(robot, self._holding, self.pages)
        self._sockets: dict[Page, web.WebSocketResponse] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """What aiohttp runs."""
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/", self._page)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/ws", self._connect)
        app.cleanup_ctx.append(self._beating)
        app.on_shutdown.append(self._shut_down)
        return app

    @web.middleware
    async def _guarded(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        refused = self._admission.host_refused(request.host)
        if refused:
            return web.Response(status=403, text=f"{refused}\n", headers=HEADERS)
        return await handler(request)

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return _answer("live.html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound(headers=HEADERS)
        return _answer(name)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refused = self._admission.origin_refused(request.headers.get("Origin"), request.host)
        if refused:
            return web.Response(status=403, text=f"{refused}\n", headers=HEADERS)
        if len(self._sockets) >= MOST:
            text = f"{MOST} pages are open: close one\n"
            return web.Response(status=503, text=text, headers=HEADERS)
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES, compress=False, timeout=2.0)
        await socket.prepare(request)
        page = Page(
            f"a page at {request.remote or 'this machine'}, opened {time.strftime('%H:%M')}"
        )
        self._sockets[page] = socket
        try:
            await self._serve(socket, page)
        finally:
            del self._sockets[page]
        return socket

    async def _serve(self, socket: web.WebSocketResponse, page: Page) -> None:
        """One page, from its greeting to its end."""
        if not await self._greeted(socket, page):
            return
        sending = asyncio.create_task(_send(socket, page))
        try:
            await self._listen(socket, page)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            await self._lose(page)

    async def _lose(self, page: Page) -> None:
        """Its connection is gone; it may come back by another one."""
        self._forget(page)
        await self.pages.looks_changed()

    def _forget(self, page: Page) -> None:
        if self.pages.remove(page):
            self._holding.gone(page.name)

    async def _greeted(self, socket: web.WebSocketResponse, page: Page) -> bool:
        """Whether the first message is the greeting that a page of this server sends."""
        try:
            hello = _read(await asyncio.wait_for(socket.receive_str(), HELLO_S))
        except (asyncio.TimeoutError, TypeError, RequestError):
            await _close(socket, WSCloseCode.POLICY_VIOLATION, "no greeting came")
            return False
        page.trusted = self._admission.knows(hello.get("token"))
        if self._admission.must_know_to_look and not page.trusted:
            await _close(
                socket, WSCloseCode.POLICY_VIOLATION, "the token is not that of this start"
            )
            return False
        former = hello.get("page")
        if isinstance(former, str) and page.trusted:
            self._come_back(page, former)
        page.looking = hello.get("look") is True
        self.pages.add(page)
        page.tell(
            "welcome",
            page=page.name,
            trusted=page.trusted,
            why="" if page.trusted else WHY_NO_MORE,
            lease=LEASE_S,
        )
        self._requests.tell_who_holds()
        page.tell("beat", n=self._requests.beat)
        await self.pages.looks_changed()
        return True

    def _come_back(self, page: Page, former: str) -> None:
        """A page that has lost its connection is the one that it was, if it still holds the robot.

        Nobody else knows the name that it had.
        """
        before = self.pages.named(former)
        if before is not None:  # a connection that has died without saying so
            self._forget(before)
            self._start(self._drop(before))
        if self._holding.back(former):
            page.name = former

    async def _listen(self, socket: web.WebSocketResponse, page: Page) -> None:
        async for message in socket:
            page.heard = time.monotonic()
            if not page.allowance.take():
                reason = "too many messages came of this page: open it again"
                await _close(socket, WSCloseCode.POLICY_VIOLATION, reason)
                return
            if message.type is not WSMsgType.TEXT:
                await _close(socket, WSCloseCode.UNSUPPORTED_DATA, "only texts are read")
                return
            try:
                await self._take(page, _read(message.data))
            except RequestError as error:
                await _close(socket, WSCloseCode.POLICY_VIOLATION, str(error)[:120])
                return

    async def _take(self, page: Page, request: Mapping[str, Any]) -> None:
        word = request.get("do")
        if word == "drawn":
            number = request.get("n")
            if isinstance(number, int):
                page.outbox.drawn(number)
        elif word == "look":
            page.looking = request.get("on") is True
            if not page.looking:
                page.outbox.clear()
            await self.pages.looks_changed()
        elif word == "bye":
            # It is being closed: what it holds, it lets go of at once.
            if self._holding.holds(page.name):
                await self._requests.let_go()
        elif word != "beat":
            # In a task of its own: a disabling waits for no other answer.
            self._start(self._do(page, request))

    async def _do(self, page: Page, request: Mapping[str, Any]) -> None:
        number = request.get("id")
        number = number if isinstance(number, int) else 0
        try:
            answer = await self._requests.answer(page, request)
        except RequestError as error:
            answer = Answer(False, str(error))
        except Exception as error:  # noqa: BLE001  (every request is answered)
            _log.exception("a request of a page failed")
            answer = Answer(False, f"this failed here: {error}", unknown=True)
        page.tell(f"answer {number}", id=number, done=answer.done, words=answer.words)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beating(self, _: web.Application) -> Any:
        task = asyncio.create_task(self._beat())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _beat(self) -> None:
        """Once a second, to whoever is there: are you? And who was not, for too long, is gone."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                self._beat_once()
            except Exception:  # noqa: BLE001  (leases end by beats)
                _log.exception("a beat of the live page failed")

    def _beat_once(self) -> None:
        """Nothing is waited for: a robot that does not answer must not end the beats."""
        self._requests.beat += 1
        for page in self.pages:
            page.tell("beat", n=self._requests.beat)
            if time.monotonic() - page.heard > SILENT_S:
                self._start(self._drop(page))
        if self._requests.letting_go:
            return
        if self._holding.over():
            self._start(self._requests.let_go())
        elif self._requests.owed:
            self._start(self._requests.pay())

    async def _drop(self, page: Page) -> None:
        await self._lose(page)
        socket = self._sockets.get(page)
        if socket is not None:
            await _close(socket, WSCloseCode.GOING_AWAY, "the page did not answer")

    async def _shut_down(self, _: web.Application) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._let_go_at_last(), DONE_WITHIN_S)
        for socket in list(self._sockets.values()):
            await _close(socket, WSCloseCode.GOING_AWAY, "the server ends")

    async def _let_go_at_last(self) -> None:
        if self._holding.holder is not None:
            await self._requests.let_go()
        await self._requests.pay()


async def _send(socket: web.WebSocketResponse, page: Page) -> None:
    with contextlib.suppress(ConnectionError):
        while not socket.closed:
            for payload in await page.outbox.take():
                if isinstance(payload, str):
                    await socket.send_str(payload)
                else:
                    await socket.send_bytes(payload)


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):
        await socket.close(code=code, message=reason.encode()[:120])


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RequestError("a page sent what is no JSON") from None
    if not isinstance(found, dict):
        raise RequestError("a page sent no request")
    return found


def _no_number(name: str) -> NoReturn:
    """What Python writes and JSON does not know: NaN and infinities."""
    raise ValueError(name)


def _answer(name: str) -> web.Response:
    text, kind = page_file(name)
    return web.Response(body=text, content_type=kind, charset="utf-8", headers=HEADERS)
