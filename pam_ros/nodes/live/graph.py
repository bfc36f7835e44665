# SPDX-License-Identifier: Apache-2.0
"""The running robot as the page's server asks it: by rclpy, topics, parameters and services.

Two threads meet here. The server's runs asyncio; the executor's runs rclpy. What the first asks is
run by the second, and what the second hears is handed to the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from std_srvs.srv import SetBool, Trigger

from pam_ros.live.robot import SHOWN, Answer
from pam_ros.live.said import colours
from pam_ros.nodes.live.listening import Listening
from pam_ros.nodes.live.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rcl_interfaces.msg import ParameterEvent
    from rclpy.executors import Executor

    from pam_ros.live.pages import Pages

ANSWER_S = 10.0
LOOK_EVERY_S = 1.0
READ_EVERY_S = 5.0
"""An event may be lost, and a node that has come back under its name is another one."""
_READ = (*SHOWN, "enabled", "instruction", "contract", "policy")
_NOT_THERE = "is not there: is the node running in this ROS_DOMAIN_ID, under this name?"


class LiveGraph:
    """`Robot`, of pam_ros.live, by a node of its own.

    Args:
        executor: spun by another thread.
        target: full name of the inference node.
        record_to: folder of recordings.
        contract: whose topics they hold; empty: that of the inference node.
    """

    def __init__(
        self, executor: Executor, target: str, record_to: Path, contract: str = ""
    ) -> None:
        self._executor = executor
        self._work: deque[Callable[[], None]] = deque()
        self._target = "/" + target.strip("/")
        self._contract = contract
        self.node = Node(f"pam_ros_live_{os.getpid()}")
        executor.add_node(self.node)
        self._enable = self.node.create_client(SetBool, f"{self._target}/enable")
        self._reset = self.node.create_client(Trigger, f"{self._target}/reset")
        self._parameters = AsyncParameterClient(self.node, self._target)
        self._recording = Recording(record_to)
        self._recording_lock = asyncio.Lock()
        self._listening = Listening(
            *(self.node, self._target, self._tell, self._picture, self._on_parameters)
        )
        self._values: dict[str, Any] = {}
        self._reads_words = False
        self._looking: asyncio.Task[None] | None = None
        self._there: bool | None = None
        self._read_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: Pages | None = None

    def start(self, pages: Pages) -> None:
        """Tell these pages; called in the server's thread."""
        self._loop = asyncio.get_running_loop()
        self._pages = pages
        self._pages.show("recording", {"bag": ""})

    async def close(self) -> None:
        """Listen no more, and close a recording."""
        try:
            # First: what is recorded must be whole, whatever else goes wrong.
            if self._recording.bag is not None or self._recording_lock.locked():
                await self.record(on=False)
        finally:
            await self.look(on=False)
            self._executor.remove_node(self.node)
            self.node.destroy_node()

    # What the server asks.

    async def look(self, *, on: bool) -> None:
        """As Robot.look."""
        if self._looking is not None:
            self._looking.cancel()
            # Whatever ended it: a page that opens next must find one that looks.
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
        if on:
            self._looking = asyncio.create_task(self._keep_looking())
        else:
            try:
                await self._run(self._listening.close, late=True)
            except Exception as error:  # noqa: BLE001  (nobody waits for what is not heard)
                self._complain("the live page could not end its listening", error)

    async def enable(self, *, on: bool) -> Answer:
        """As Robot.enable."""
        request = SetBool.Request(data=on)
        return await self._call(self._enable, request, "~/enable", late=not on)

    async def reset(self) -> Answer:
        """As Robot.reset."""
        return await self._call(self._reset, Trigger.Request(), "~/reset")

    async def say(self, text: str) -> Answer:
        """As Robot.say."""
        if not self._reads_words:
            return Answer(False, "this policy reads no words, or has not told yet that it does")
        answer = await self._set({"instruction": text})
        return Answer(True, f"told: {text}") if answer.done else answer

    async def show(self, values: Mapping[str, str | int | float]) -> Answer:
        """As Robot.show."""
        return await self._set(values)

    async def record(self, *, on: bool) -> Answer:
        """As Robot.record."""
        async with self._recording_lock:
            begin, end = self._recording.begin, self._recording.end
            contract = self._contract or str(self._values.get("contract", ""))
            # Closing takes as long as the recorder writes.
            answer = await (asyncio.to_thread(begin, contract) if on else asyncio.to_thread(end))
            self._say_recording(answer.words if answer.done else "")
        return answer

    # How.

    async def _keep_looking(self) -> None:
        self._there = None
        while True:
            try:
                await self._look_once()
            except Exception as error:  # noqa: BLE001  (what comes from outside ends no page)
                self._complain("the live page could not look at the graph", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look_once(self) -> None:
        found, now = await self._run(self._listening.look_again), time.monotonic()
        there, self._there = self._there, found
        if found != there:
            words = "" if found else f"{self._target} {_NOT_THERE}"
            self._show("about", {"node": self._target, "there": found, "words": words})
        if not self._recording_lock.locked():  # else it is begun or ended just now
            async with self._recording_lock:
                ended = self._recording.look()
            if ended:
                self._say_recording(ended)
        if not there:
            self._read_at = None
        if found and (self._read_at is None or now - self._read_at >= READ_EVERY_S):
            await self._read_parameters(first=self._read_at is None)

    def _complain(self, words: str, error: Exception) -> None:
        why = str(error) or type(error).__name__
        self.node.get_logger().error(f"{words}: {why}", throttle_duration_sec=1.0)

    async def _read_parameters(self, *, first: bool) -> None:
        client = self._parameters
        if not client.services_are_ready():
            return
        answer = await self._answer(lambda: client.get_parameters(list(_READ)))
        if answer is None or len(answer.values) != len(_READ):
            return
        values = (parameter_value_to_python(value) for value in answer.values)
        found = dict(zip(_READ, values, strict=True))
        self._read_at = time.monotonic()
        if first or found != self._values:
            self._note(found)

    async def _set(self, values: Mapping[str, str | int | float]) -> Answer:
        wanted = [Parameter(name, value=value) for name, value in values.items()]
        # All or none: a head of another method must not go with the method of before.
        client = self._parameters
        answer = await self._answer(lambda: client.set_parameters_atomically(wanted))
        if answer is None:
            return Answer(False, f"{self._target} {_NOT_THERE}")
        done = bool(answer.result.successful)
        return Answer(done, answer.result.reason or ("set" if done else "refused"))

    async def _call(self, client: Any, request: Any, name: str, *, late: bool = False) -> Answer:
        if not client.service_is_ready():
            return Answer(False, f"{self._target} {_NOT_THERE}")
        answer = await self._answer(lambda: client.call_async(request), late=late)
        if answer is None:
            words = f"{name} has not answered within {ANSWER_S:g} s: it may yet act on this"
            return Answer(False, words, unknown=True)
        done = bool(answer.success)
        return Answer(done, answer.message or ("done" if done else "refused"))

    async def _answer(self, ask: Callable[[], Any], *, late: bool = False) -> Any:
        """What a call answers; None where nothing does within ANSWER_S. late: as in _run."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()

        def done(future: Any) -> None:
            failed = future.cancelled() or future.exception() is not None
            result = None if failed else future.result()
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(_fill, answered, result)

        def call() -> None:
            ask().add_done_callback(done)

        async def whole() -> Any:
            await self._run(call, late=late)
            return await answered

        try:
            return await asyncio.wait_for(whole(), ANSWER_S)
        except asyncio.TimeoutError:
            return None

    async def _run(self, work: Callable[[], Any], *, late: bool = False) -> Any:
        """Run this in the executor's thread, and wait for what it gives.

        late: run it even when nobody waits for it any more.

        Raises:
            TimeoutError: of asyncio; the executor had no time for it within ANSWER_S.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()

        def run() -> None:
            if result.cancelled() and not late:
                return
            try:
                value = work()
            except Exception as error:  # noqa: BLE001  (raised where it is waited for)
                told = partial(_fail, result, error)
            else:
                told = partial(_fill, result, value)
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(told)

        self._work.append(run)
        self._executor.create_task(self._work_on)
        return await asyncio.wait_for(result, ANSWER_S)

    # In the executor's thread.

    def _work_on(self) -> None:
        """Do what has waited longest: an executor runs its tasks newest first."""
        self._work.popleft()()

    def _tell(self, kind: str, values: Mapping[str, Any]) -> None:
        self._soon(self._show, kind, values)

    def _picture(self, camera: str, stamp: float, jpeg: bytes) -> None:
        if self._pages is not None:
            self._soon(self._pages.show_picture, camera, stamp, jpeg)

    def _on_parameters(self, event: ParameterEvent) -> None:
        if event.node != self._target:
            return
        both = (*event.new_parameters, *event.changed_parameters)
        values = {one.name: parameter_value_to_python(one.value) for one in both}
        known = {name: value for name, value in values.items() if name in _READ}
        if known:
            self._soon(self._note, known)

    def _soon(self, function: Callable[..., object], *arguments: Any) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(function, *arguments)

    # In the server's thread.

    def _show(self, kind: str, values: Mapping[str, Any]) -> None:
        if kind == "diagnostics" and values["offered"]:
            self._reads_words = bool(values["offered"]["words"])
        if self._pages is not None:
            self._pages.show(kind, values)

    def _note(self, values: Mapping[str, Any]) -> None:
        self._values.update(values)
        shown = {name: self._values.get(name) for name in _READ}
        name = str(self._values.get("overlay_colormap", ""))
        self._show("parameters", {"values": shown, "colours": colours(name)})

    def _say_recording(self, words: str) -> None:
        bag = self._recording.bag
        self._show("recording", {"bag": "" if bag is None else str(bag), "words": words})


def _fill(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
