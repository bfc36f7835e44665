# SPDX-License-Identifier: Apache-2.0
"""Rows about clocks: simulated, of this computer, of a whole robot, and of one camera."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .own_clock import WRAP_US
from .rows_messages import setting, spoiling
from .trial import Expect, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .bench import Bench

HOUR_S = 3600.0


@contextmanager
def _clock_back(bench: Bench) -> Iterator[None]:
    bench.robot.time_s -= 20.0
    yield


@contextmanager
def _clock_ahead(bench: Bench) -> Iterator[None]:
    """The node's clock is ahead of the stamps for a while."""
    bench.robot.time_s += 20.0
    bench.robot.shift_s = -20.0
    try:
        yield
    finally:
        bench.robot.shift_s = 0.0


SIMULATED_ROWS = (
    Row(
        "clock reset",
        "/clock jumps back by 20 s, with use_sim_time",
        _clock_back,
        Expect.FAULTS,
        "the clock jumped back by",
    ),
    Row(
        "clock jumps ahead",
        "/clock jumps by 20 s, and the stamps do not",
        _clock_ahead,
        Expect.HOLDS,
        r"is \d+\.\d+ s old|no message from",
    ),
)


def _from_zero() -> Callable[[Any], Any]:
    """A counter of seconds that begins anew with the first message."""
    first: list[float] = []

    def change(message: Any) -> Any:
        stamp = message.header.stamp
        now = stamp.sec + stamp.nanosec * 1e-9
        first.append(now)
        stamp.sec, rest = divmod(int((now - first[0]) * 1e9), 10**9)
        stamp.nanosec = rest
        return message

    return change


STAMP_ROWS = (
    Row(
        "stamps jump three hours back",
        "all stamps, as of a robot's computer that finds its time server",
        setting("shift_s", -3 * HOUR_S),
        Expect.HOLDS,
        r"stamped by another clock, 3 h 0 min behind this one",
    ),
    Row(
        "stamps jump three hours ahead",
        "all stamps, and after a while back again",
        setting("shift_s", 3 * HOUR_S),
        Expect.HOLDS,
        r"stamped by another clock, 3 h 0 min ahead of this one",
    ),
    Row(
        "a camera's stamps restart at 0",
        "its driver counts from its own start from now on",
        spoiling("top", _from_zero()),
        Expect.HOLDS,
        r"camera 'top' .* counts from its own start .*: write 'stamp: arrival' for it",
        seconds=3.0,
    ),
)


def _jump(robot_s: float, here_s: float) -> Callable[[Bench], Any]:
    """The wall clock of the node's computer jumps, and the robot's; both stay as they are then."""

    @contextmanager
    def fault(bench: Bench) -> Iterator[None]:
        bench.shift_clock(here_s)
        bench.robot.shift_s += robot_s
        yield

    return fault


def _held(seconds: str) -> str:
    """How long the robot was held, in the log or, once that has said the like, in numbers."""
    return rf"no action from the policy for {seconds}\.|safety_wait_max_s: {seconds}\."


WALL_ROWS = (
    Row(
        "wall clock jumps ahead by 5 s",
        "of the whole robot: what the node reads, and all stamps",
        _jump(5.0, 5.0),
        Expect.RUNS,
        _held("5"),
    ),
    Row(
        "wall clock jumps back by 5 s",
        "of the whole robot",
        _jump(-5.0, -5.0),
        Expect.FAULTS,
        r"the clock jumped back by [45]\.\d+ s",
    ),
    Row(
        "wall clock jumps ahead by 3 h",
        "of the whole robot",
        _jump(3 * HOUR_S, 3 * HOUR_S),
        Expect.RUNS,
        _held("10800"),
    ),
    Row(
        "wall clock jumps back by 3 h",
        "of the whole robot",
        _jump(-3 * HOUR_S, -3 * HOUR_S),
        Expect.FAULTS,
        r"the clock jumped back by (10800|10799)\.\d+ s",
    ),
)


def _wrapped(message: Any) -> Any:
    """As a counter of microseconds with 32 bits says it."""
    stamp = message.header.stamp
    microseconds = (stamp.sec * 10**6 + stamp.nanosec // 1000) % WRAP_US
    stamp.sec, rest = divmod(microseconds, 10**6)
    stamp.nanosec = rest * 1000
    return message


WRAP_ROWS = (
    Row(
        "a camera's stamps wrap, by arrival",
        "32 bits of microseconds begin anew; the contract says stamp: arrival",
        spoiling("wrist", _wrapped),
        Expect.RUNS,
        "running",
        seconds=2.5,
    ),
    Row(
        "a camera's stamps wrap, with an offset",
        "32 bits of microseconds begin anew; the contract has a stamp_offset_s",
        spoiling("top", _wrapped),
        Expect.HOLDS,
        r"camera 'top' .* is stamped by another clock, 1 h 11 min behind this one: .*arrival",
        seconds=3.0,
    ),
)
