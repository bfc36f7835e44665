# SPDX-License-Identifier: Apache-2.0
"""When a second process holds the robot because the first one stands still. Pure.

The node says every command to its guard before it publishes it. While the robot is enabled the
next one is due within the deadline; where none comes, the guard repeats the last one, period by
period, until the node has asked for the command back and got its answer. Times are seconds of one
monotonic clock that both processes read.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from pam_ros.share.errors import ReceivedError

WATCH_PERIODS = 1.25
"""Periods after which the node's own watchdog holds; it looks four times a period."""

GUARD_PERIODS = 1.75
"""Periods after which the guard does: a quarter of one is left to wake up and publish."""


class TakeoverError(ReceivedError):
    """What came over the line is no message of it."""


@dataclass(frozen=True)
class Beat:
    """The node to the guard, before each command.

    ``positions``: what holds the robot if nothing follows, the positions that are commanded now and
    0 for velocities and efforts; empty where the robot is not enabled, and nothing is commanded.
    ``question``: above 0 it also asks for the command back, by this number.
    """

    positions: tuple[float, ...] = ()
    question: int = 0

    def encode(self) -> bytes:
        """For the line."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class Answer:
    """The guard to the node: the command is yours.

    ``question`` is the number that it answers; 0: the guard is ready. ``holds`` commands were sent
    in the node's place since the last answer, over ``seconds``.
    """

    question: int = 0
    holds: int = 0
    seconds: float = 0.0

    def encode(self) -> bytes:
        """For the line."""
        return json.dumps(asdict(self)).encode()


def decode_beat(data: bytes) -> Beat:
    """A beat from the line.

    Raises:
        TakeoverError: it is none, or holds a value that is not finite.
    """
    try:
        fields = json.loads(data)
        beat = Beat(tuple(float(value) for value in fields["positions"]), int(fields["question"]))
    except (ValueError, TypeError, KeyError) as error:
        raise TakeoverError(f"not a beat: {data[:80]!r}") from error
    if not all(math.isfinite(value) for value in beat.positions):
        raise TakeoverError("a beat holds a position that is not finite")
    return beat


def decode_answer(data: bytes) -> Answer:
    """An answer from the line.

    Raises:
        TakeoverError: it is none.
    """
    try:
        fields = json.loads(data)
        return Answer(int(fields["question"]), int(fields["holds"]), float(fields["seconds"]))
    except (ValueError, TypeError, KeyError) as error:
        raise TakeoverError(f"not an answer: {data[:80]!r}") from error


class Takeover:
    """The guard's decisions.

    Args:
        period_s: how often it repeats a position while it holds [s].
        deadline_s: how long after a beat the next one is missed [s].
    """

    def __init__(self, period_s: float, deadline_s: float) -> None:
        self._period = period_s
        self._deadline = deadline_s
        self._positions: tuple[float, ...] = ()
        self._due = math.inf
        self._last_beat = -math.inf
        self._since: float | None = None
        self._unreported = 0
        self._held_s = 0.0
        self.holds = 0
        self.takeovers = 0

    @property
    def armed(self) -> bool:
        """Whether the robot is enabled, so that a beat can be missed."""
        return bool(self._positions)

    @property
    def holding(self) -> bool:
        """Whether this process commands now."""
        return self._since is not None

    def receive(self, beat: Beat, now_s: float) -> Answer | None:
        """Take a beat; the answer to send where it asks for one."""
        if self._since is not None:
            self._held_s += now_s - self._since
            self._since = None
        self._positions = beat.positions
        self._last_beat = now_s
        self._due = now_s + self._deadline if beat.positions else math.inf
        if not beat.question:
            return None
        answer = Answer(beat.question, self._unreported, self._held_s)
        self._unreported, self._held_s = 0, 0.0
        return answer

    def look(self, now_s: float) -> tuple[float, ...] | None:
        """The values to publish now, None while nothing is missed."""
        if now_s < self._due:
            return None
        if self._since is None:
            self._since = now_s
            self.takeovers += 1
        self.holds += 1
        self._unreported += 1
        self._due = now_s + self._period
        return self._positions

    def seconds_left(self, now_s: float) -> float:
        """Until the next look is worth it [s]; inf while nothing can be missed."""
        return max(self._due - now_s, 0.0)

    def silent_s(self, now_s: float) -> float:
        """Since the last beat [s]."""
        return now_s - self._last_beat
