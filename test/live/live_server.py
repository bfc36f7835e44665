# SPDX-License-Identifier: Apache-2.0
"""A robot that only remembers what it was asked, and a server of the live page beside it."""

import asyncio
import contextlib
import io
import json
import threading
import time
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from PIL import Image

from pam_ros.live.admission import Admission
from pam_ros.live.robot import Answer
from pam_ros.live.said import colours
from pam_ros.live.server import LiveServer

TOKEN = "token-of-a-test"
PARAMETERS = {
    "attention_method": "cross_attention",
    "attention_layer": -1,
    "attention_head": "mean",
    "attention_query": "mean",
    "contribution_target": "chunk",
    "overlay_scale": "running",
    "overlay_alpha": 0.6,
    "overlay_colormap": "turbo",
    "enabled": False,
    "instruction": "reach the red cube",
}
OFFERED: dict[str, Any] = {
    "methods": {
        "cross_attention": {"stack": "decoder", "layers": 1, "heads": 8, "queries": 20},
        "encoder_attention": {"stack": "encoder", "layers": 4, "heads": 8, "queries": 602},
        "contribution": {},
    },
    "joints": ["shoulder_pan", "gripper"],
    "chunk": 20,
    "words": True,
}


def jpeg(level, size=(320, 240)):
    """A picture of one grey."""
    data = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), level, np.uint8)).save(data, "jpeg")
    return data.getvalue()


class RememberingRobot:
    """Does nothing, says so, and remembers: asked holds each word with its values."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.enabled = False
        self.looked = False
        self.values: dict[str, Any] = dict(PARAMETERS)
        self.held_up: set[bool] = set()  # what it is asked and does not do as long as it is in here
        self.answers: dict[bool, Answer] = {}  # instead of what it does, by what it is asked
        self.number = 0
        self.pages: Any = None

    async def look(self, *, on):
        self.looked = on
        if on:
            self.pages.show("about", {"node": "/act_attention", "there": True, "words": ""})
            self.tell()

    def tell(self):
        shown = {"values": self.values, "colours": colours(self.values["overlay_colormap"])}
        self.pages.show("parameters", shown)
        state = "running" if self.enabled else "disabled"
        said = {"safety_state": state, "maps_per_second": "9.9", "rate_hz": "10.0"}
        self.pages.show(
            "diagnostics",
            {"level": 0, "message": state, "values": said, "offered": OFFERED},
        )

    def tick(self):
        """What a node says of one tick: pictures whose grey goes by the head."""
        self.number += 1
        head = self.values["attention_head"]
        level = 40 if head == "mean" else 80 + 20 * int(head)
        self.pages.show(
            "tick",
            {
                "stamp": time.time(), "tick": self.number, "episode": 1, "valid": True,
                "reason": "", "method": self.values["attention_method"], "why": "", "layer": "l",
                "head": head, "query": "mean(0:20)", "target": "", "instruction": "reach it",
                "cameras": {"wrist": 0.25, "top": 0.5}, "groups": {"joint_state": 0.25},
                "heads": [0.5 + k for k in range(8)],
                "words": [{"labels": ["reach", "<b>it</b>"], "mass": [0.1, 0.2]}],
            },
        )  # fmt: skip
        joints = OFFERED["joints"]
        for role in ("commanded", "measured"):
            self.pages.show(role, {"role": role, "joints": joints, "values": [0.1, 0.2]})
        plan = {"joints": joints, "after": [0.0, 0.1], "positions": [[0.1, 0.2], [0.3, 0.4]]}
        self.pages.show("plan", plan)
        for camera in ("top", "wrist"):
            self.pages.show_picture(camera, time.time(), jpeg(level))

    async def enable(self, *, on):
        self.asked.append(("enable", on))
        while on in self.held_up:
            await asyncio.sleep(0.01)
        if on in self.answers:
            return self.answers[on]
        self.enabled = self.values["enabled"] = on
        self.tell()
        return Answer(True, "enabled" if on else "disabled")

    async def reset(self):
        self.asked.append(("reset",))
        return Answer(True, "episode 2")

    async def say(self, text):
        self.asked.append(("say", text))
        return Answer(True, f"told: {text}")

    async def show(self, values):
        self.asked.append(("show", dict(values)))
        if values.get("attention_head") == "7":
            return Answer(False, "head 7 is refused, for a test")
        self.values.update(values)
        self.tell()
        self.tick()
        return Answer(True, "set")

    async def record(self, *, on):
        self.asked.append(("record", on))
        self.pages.show("recording", {"bag": "a bag" if on else "", "words": ""})
        return Answer(True, "recording" if on else "recorded")


class Serving:
    """A server in a thread, with a robot; may be ended and started again on the same port."""

    def __init__(self, host="127.0.0.1", token=TOKEN, port=0, names=()) -> None:
        self.host, self.token, self.port, self.names = host, token, port, names
        self.robot = RememberingRobot()
        self.loop: Any = None
        self._stop: Any = None
        self.start()

    def start(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    async def _run(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.server = LiveServer(self.robot, Admission(self.host, self.token, self.names))
        self.robot.pages = self.server.pages
        runner = web.AppRunner(self.server.application(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, shutdown_timeout=1.0).start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
            assert not self._thread.is_alive()

    def do(self, function, *arguments):
        """Call this in the server's thread; what it gives."""

        async def call():
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    @property
    def address(self):
        return f"{self.url}#token={self.token}"


class Peer:
    """A page without a browser: news that has come, and requests."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.news: list[dict] = []
        self.pictures: list[bytes] = []
        self.beat, self.closed = 0, None
        self.answers_beats = True
        self._answers: dict[int, asyncio.Future] = {}
        self._last = 0
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.pictures.append(message.data)
                continue
            said = json.loads(message.data)
            if said["kind"] == "beat":
                self.beat = said["n"]
                if self.answers_beats:
                    await self.send(do="beat")
            elif said["kind"].startswith("answer "):
                self._answers.pop(said["id"]).set_result(said)
            else:
                self.news.append(said)
        self.closed = self.socket.close_code

    async def send(self, **values):
        with contextlib.suppress(ConnectionError):
            await self.socket.send_str(json.dumps(values))

    async def ask(self, word, **values):
        self._last += 1
        answer = self._answers[self._last] = asyncio.get_running_loop().create_future()
        await self.send(**{"do": word, "id": self._last, "beat": self.beat, **values})
        return await asyncio.wait_for(answer, 20)

    async def until(self, condition, seconds=30.0):
        def is_so():
            try:
                return condition()
            except TypeError:  # of `last`: there is no news of that kind so far
                return False

        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it never came true"
            await asyncio.sleep(0.01)

    def last(self, kind):
        """The newest news of a kind, or None."""
        return next((each for each in reversed(self.news) if each["kind"] == kind), None)

    @property
    def holder(self):
        """Who holds the robot, "" for nobody; None before anything was said."""
        holding = self.last("holding")
        return None if holding is None else holding["by"]

    async def knows(self, kind):
        await self.until(lambda: self.last(kind) is not None)
        return self.last(kind)


class Session:
    """Opens pages without a browser."""

    def __init__(self, serving, http) -> None:
        self.serving, self.http = serving, http

    async def page(self, token=TOKEN, former="", look=True, **headers):
        headers.setdefault("Origin", self.serving.url.rstrip("/"))
        socket = await self.http.ws_connect(f"{self.serving.url}ws", headers=headers)
        peer = Peer(socket)
        await peer.send(do="hello", token=token, page=former, look=look)
        return peer
