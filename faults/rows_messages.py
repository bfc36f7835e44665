# SPDX-License-Identifier: Apache-2.0
"""Rows in which what the robot publishes is wrong."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faults.trial import Expect, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faults.bench import Bench

HOLDS, RUNS = Expect.HOLDS, Expect.RUNS


def spoiling(source: str, change: Callable[[Any], Any]) -> Callable[[Bench], Any]:
    """A fault in which one source's messages are changed, or left out where change gives None."""

    @contextmanager
    def fault(bench: Bench) -> Iterator[None]:
        from faults.robot import as_it_is  # noqa: PLC0415

        bench.robot.spoil = lambda name, message: change(message) if name == source else message
        try:
            yield
        finally:
            bench.robot.spoil = as_it_is

    return fault


def setting(name: str, value: object) -> Callable[[Bench], Any]:
    """A fault in which an attribute of the robot has another value."""

    @contextmanager
    def fault(bench: Bench) -> Iterator[None]:
        before = getattr(bench.robot, name)
        setattr(bench.robot, name, value)
        try:
            yield
        finally:
            setattr(bench.robot, name, before)

    return fault


def changed(**fields: Any) -> Callable[[Any], Any]:
    """A change that sets fields of a message."""

    def change(message: Any) -> Any:
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    return change


def _stale(message: Any) -> Any:
    message.header.stamp.sec -= 5
    return message


def _shorter(message: Any) -> Any:
    message.data = message.data[: len(message.data) // 2]
    return message


def _renamed(message: Any) -> Any:
    message.name = ["lyft" if name == "lift" else name for name in message.name]
    return message


def _permuted(message: Any) -> Any:
    order = list(range(len(message.name)))
    order = order[1:] + order[:1] if time.time() % 0.4 < 0.2 else order[::-1]
    message.name = [message.name[place] for place in order]
    message.position = [message.position[place] for place in order]
    return message


def _position(value: float) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        message.position = [value] * len(message.name)
        return message

    return change


def _rate(bench: Bench, seen: float, until: float) -> list[str]:
    """A flood must not make the node command faster than the contract says."""
    seconds = until - seen
    commands = len(bench.published(seen, until))
    most = 1.5 * seconds / bench.period_s
    return [f"{commands} commands in {seconds:.1f} s"] if commands > most else []


@contextmanager
def _deaf_subscriber(_: Bench) -> Iterator[None]:
    """A reliable subscriber of everything that the node publishes, stopped before it reads."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faults.deaf_subscriber"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(signal.SIGSTOP)
        yield
    finally:
        process.kill()
        process.wait()


MESSAGE_ROWS = (
    Row(
        "stale camera",
        "the images' stamps are five seconds old",
        spoiling("top", _stale),
        HOLDS,
        r"top is \d.* old|no message from top|no stamps within",
    ),
    Row(
        "camera stops and returns",
        "one of two cameras sends nothing for two seconds",
        spoiling("wrist", lambda _: None),
        HOLDS,
        r"wrist is .* (old|behind)",
        seconds=2.0,
    ),
    Row(
        "wrong encoding",
        "bgr8 where the contract says rgb8",
        spoiling("top", changed(encoding="bgr8")),
        HOLDS,
        "image encoding is 'bgr8'; the contract says 'rgb8'",
    ),
    Row(
        "wrong size",
        "a picture of half the height that the policy wants",
        spoiling("top", lambda m: _shorter(changed(height=m.height // 2)(m))),
        HOLDS,
        r"gives 32x96 .*; the policy wants 64x96",
    ),
    Row(
        "wrong step",
        "rows shorter than their pixels",
        spoiling("top", changed(step=95)),
        HOLDS,
        "image step is 95 bytes; 96 pixels of rgb8 need at least 288",
    ),
    Row(
        "truncated data",
        "an image message with half of its pixels",
        spoiling("top", _shorter),
        HOLDS,
        "image data has 9216 bytes",
    ),
    Row(
        "truncated JPEG",
        "half of a compressed picture",
        spoiling("wrist", _shorter),
        HOLDS,
        "compressed image .*damaged|cut short",
    ),
    Row(
        "unknown joint",
        "a joint of the contract has another name",
        spoiling("joints", _renamed),
        HOLDS,
        "joint message lacks 'lift'",
    ),
    Row(
        "permuted joints",
        "names and positions in changing order",
        spoiling("joints", _permuted),
        RUNS,
        "running",
    ),
    Row(
        "empty joint message",
        "no names, no positions",
        spoiling("joints", changed(name=[], position=[])),
        HOLDS,
        "joint message lacks",
    ),
    Row(
        "joints that are no number",
        "NaN for every position",
        spoiling("joints", _position(math.nan)),
        HOLDS,
        "no finite position",
    ),
    Row(
        "joints beyond float32",
        "1e300 for every position",
        spoiling("joints", _position(1e300)),
        HOLDS,
        "no usable position",
    ),
    Row(
        "stamps in the past",
        "all stamps ten seconds back",
        setting("shift_s", -10.0),
        HOLDS,
        r"is \d+\.\d+ s old|no message from",
    ),
    Row(
        "stamps in the future",
        "all stamps ten seconds ahead",
        setting("shift_s", 10.0),
        HOLDS,
        r"messages_future: [1-9]",
        # Stamps that come back look like a clock that was reset, and then are all the node has.
        seconds=1.5,
    ),
    Row(
        "stamps of zero",
        "no stamp in any message",
        setting("shift_s", -1e12),
        HOLDS,
        r"messages_unstamped: [1-9]",
    ),
    Row(
        "flood",
        "every message ten times a period",
        setting("times", 10),
        RUNS,
        r"messages_received: \d+",
        seconds=3.0,
        also=_rate,
    ),
    Row(
        "subscriber that never reads",
        "reliable subscriptions to all of the node's topics, in a stopped process",
        _deaf_subscriber,
        RUNS,
        "running",
        seconds=4.0,
    ),
)
