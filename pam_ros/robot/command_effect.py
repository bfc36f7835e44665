# SPDX-License-Identifier: Apache-2.0
"""Whether a robot does what it is told: commands that move nothing. Pure: no clock inside.

A controller that is not active, or ignores a message whose joints it does not know, says so in its
own log alone; here the arm just stands.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pam_ros.robot.parts import CommandContract, CommandPart

WINDOW_S = 2.0
"""So long commands may have no effect."""
_PAUSE_S = WINDOW_S / 2
"""A hold that is over by then, as a late tick makes one, changes nothing that is known."""
_LEAST = 0.02
"""Of rad or m: what a command moves less than may be lost in friction and gears."""
_PART = 0.02
"""Of the range between a joint's limits, likewise."""
_MOVED = 0.25
"""A joint that does less than this part of what it was told has not moved."""


class CommandEffect:
    """Positions that were commanded and measured over the last two seconds.

    Of a topic it is told only if none of the joints that were told to move did: a gripper that has
    closed on something, or one joint that is blocked, is no silent controller. Times are seconds of
    one clock; not thread-safe.
    """

    def __init__(self, command: CommandContract) -> None:
        self._parts: list[tuple[CommandPart, slice]] = []
        start = 0
        for part in command.parts:
            end = start + len(part.joints)
            if part.measured is not None:
                self._parts.append((part, slice(start, end)))
            start = end
        joints = command.joints
        # What is held at 0 is no position: nothing measures it.
        self._latches = np.array([joint.what.latches for joint in joints], bool)
        spans = [0.0 if joint.limits is None else np.ptp(joint.limits) for joint in joints]
        self._tolerance = np.maximum(_LEAST, _PART * np.array(spans))
        self._commanded: deque[tuple[float, npt.NDArray[np.float64]]] = deque()
        self._measured: deque[tuple[float, npt.NDArray[np.float64]]] = deque()

    def hold(self, now_s: float) -> None:
        """The robot is held where its last command sent it; begin anew if that lasts."""
        if self._commanded and now_s - self._commanded[-1][0] > _PAUSE_S:
            self.clear()

    def clear(self) -> None:
        """The robot is not commanded, or has been moved by others: begin anew."""
        self._commanded.clear()
        self._measured.clear()

    def command(self, now_s: float, positions: npt.NDArray[np.float64]) -> None:
        """Positions (joints,) went out, in messages' units."""
        _add(self._commanded, now_s, positions)

    def measure(self, now_s: float, positions: npt.NDArray[np.float64]) -> None:
        """Positions (joints,) came in, in messages' units."""
        if self._commanded:
            _add(self._measured, now_s, positions)

    @property
    def why_none(self) -> str:
        """A sentence for each topic on which commands have had no effect; empty if all have."""
        if not (_whole(self._commanded) and _whole(self._measured)):
            return ""
        told, done = _span(self._commanded), _span(self._measured)
        asked = self._latches & (told - done > self._tolerance)
        still = asked & (done < _MOVED * told)
        # Also those that were told to move and did, however little.
        moving = self._latches & (told > self._tolerance) & ~still
        return "; ".join(
            _sentence(part, told[place], done[place], still[place])
            for part, place in self._parts
            if still[place].any() and not moving[place].any()
        )


def _sentence(
    part: CommandPart,
    told: npt.NDArray[np.float64],
    done: npt.NDArray[np.float64],
    still: npt.NDArray[np.bool_],
) -> str:
    far = int(np.argmax(np.where(still, told - done, -1.0)))
    joint = part.joints[far]
    return (
        f"commands on {part.topic} have had no effect for {WINDOW_S:g} s: '{joint.label}' was sent "
        f"over {joint.shown(told[far])} and moved {joint.shown(done[far])}; is the controller "
        "active, and are these its joints?"
    )


def _add(
    kept: deque[tuple[float, npt.NDArray[np.float64]]],
    now_s: float,
    positions: npt.NDArray[np.float64],
) -> None:
    if kept and now_s < kept[-1][0]:
        kept.clear()
    kept.append((now_s, np.array(positions, np.float64)))
    # The one before the window stays: with it the window is whole.
    while len(kept) > 1 and kept[1][0] <= now_s - WINDOW_S:
        kept.popleft()


def _whole(kept: deque[tuple[float, npt.NDArray[np.float64]]]) -> bool:
    return len(kept) > 1 and kept[-1][0] - kept[0][0] >= WINDOW_S


def _span(kept: deque[tuple[float, npt.NDArray[np.float64]]]) -> npt.NDArray[np.float64]:
    span: npt.NDArray[np.float64] = np.ptp(np.array([values for _, values in kept]), axis=0)
    return span
