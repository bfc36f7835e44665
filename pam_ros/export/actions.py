# SPDX-License-Identifier: Apache-2.0
"""Which recorded command answers which observation.

Without more knowledge it is the first one that comes after the observation and before the next one.
Where the node's maps were recorded, they say more: see Window.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.joints import to_policy
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY, place_of
from pam_ros.robot.values.registry import command_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.robot.parts import CommandContract, CommandPart
    from pam_ros.robot.values.interface import ValueType


@dataclass(frozen=True, eq=False)
class RecordedCommand:
    """One command.

    Attributes:
        received_ns: when it was recorded [ns].
        stamp_ns: of its header [ns]; 0 if the type has none that says when it was published.
        action: (joints,) float32, in the policy's units.
    """

    received_ns: int
    stamp_ns: int
    action: NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """Which commands may answer an observation, and which of them does.

    Attributes:
        after_ns: it was recorded later than this [ns].
        until_ns: and not later than this [ns].
        stamp_ns: the observation's newest stamp [ns] if the node that made the command read it: a
            command that is stamped must be newer than this instead of `after_ns`. Pictures take
            longer to the recorder than commands do, and stamps know nothing of that.
        pick: "first" of them; "last", as a forward pass's command is the last one before the map
            that the same tick publishes; "new", the first one that does not say the same again: a
            queued action's command, among the watchdog's, which hold the robot where it was.
    """

    after_ns: int
    until_ns: int
    stamp_ns: int = 0
    pick: Literal["first", "last", "new"] = "first"

    def takes(self, command: RecordedCommand) -> bool:
        """Whether it may answer."""
        if command.received_ns > self.until_ns:
            return False
        if self.stamp_ns and command.stamp_ns:
            return command.stamp_ns > self.stamp_ns
        return command.received_ns > self.after_ns


class Commands:
    """A recording's commands, in order; each answers one observation at most."""

    def __init__(self, commands: Sequence[RecordedCommand]) -> None:
        self._commands = sorted(commands, key=lambda command: command.received_ns)
        actions = [command.action.tobytes() for command in self._commands]
        self._same = [False, *(one == other for one, other in pairwise(actions))]
        self._next = self._newest = 0

    def __len__(self) -> int:
        return len(self._commands)

    def answer(self, window: Window) -> RecordedCommand | None:
        """The command in the window that answers; none before one that was taken. In order."""
        places = [place for place in self._until(window) if window.takes(self._commands[place])]
        if not places:
            return None
        place = places[-1] if window.pick == "last" else places[0]
        if window.pick == "new":
            place = next((one for one in places if not self._same[one]), place)
        self._next = place + 1
        return self._commands[place]

    def _until(self, window: Window) -> Iterator[int]:
        while self._next < len(self._commands) and self._is_over(self._next, window):
            self._next += 1
        for place in range(self._next, len(self._commands)):
            if self._commands[place].received_ns > window.until_ns:
                return
            yield place

    def _is_over(self, place: int, window: Window) -> bool:
        """Whether a command comes too early for this window, and so for those after it."""
        command = self._commands[place]
        return command.received_ns <= window.after_ns and not window.takes(command)

    def newest(self, until_ns: int) -> RecordedCommand | None:
        """The newest command that was recorded until then, taken or not; None before the first."""
        while (
            self._newest < len(self._commands)
            and self._commands[self._newest].received_ns <= until_ns
        ):
            self._newest += 1
        return self._commands[self._newest - 1] if self._newest else None


class CommandReader:
    """Command messages to actions: of several parts, one action when each of them has come anew."""

    def __init__(self, contract: CommandContract) -> None:
        self._contract = contract
        self._parts = {part.topic: part for part in contract.parts}
        self._came: dict[str, tuple[int, NDArray[np.float64]]] = {}

    @property
    def topics(self) -> list[str]:
        """That commands are on."""
        return list(self._parts)

    def take(self, topic: str, message: Any, received_ns: int) -> RecordedCommand | None:
        """A message of one of the topics; the command that is whole with it, as an action.

        Of a trajectory with several points, the last one counts: where the robot was told to go.

        Raises:
            MessageError: it lacks a joint of the contract, or a value is not finite.
        """
        part = self._parts[topic]
        kind = command_type(part.type)
        stamp = stamp_nanoseconds(message.header.stamp) if kind.stamped else 0
        self._came[topic] = (stamp, _values(part, kind, message))
        if len(self._came) < len(self._parts):
            return None
        came, self._came = [self._came[one] for one in self._parts], {}
        values = np.concatenate([numbers for _, numbers in came])
        action = to_policy(values, self._contract.joints).astype(np.float32)
        if not np.isfinite(action).all():
            raise MessageError(f"{topic}: a command holds a value that is not finite")
        return RecordedCommand(received_ns, max(stamp for stamp, _ in came), action)


def _values(part: CommandPart, kind: ValueType, message: Any) -> NDArray[np.float64]:
    """The numbers of a part's joints in a message, in their order."""
    if not kind.named and kind.name != FLOAT64_MULTI_ARRAY:
        return np.array(kind.find(message, part.joints), dtype=np.float64)
    points = kind.points(message)
    if not points.rows:
        raise MessageError(f"{part.topic}: a command without a point")
    positions = np.asarray(points.rows[-1], dtype=np.float64)
    wanted = list(part.names)
    if points.names is not None:
        if len(points.names) != len(positions):
            raise MessageError(
                f"{part.topic}: a command has {len(points.names)} names and "
                f"{len(positions)} positions"
            )
        missing = [name for name in wanted if name not in points.names]
        if missing:
            have = ", ".join(points.names) or "no joint"
            raise MessageError(f"{part.topic}: a command lacks {', '.join(missing)} ({have})")
        positions = positions[[points.names.index(name) for name in wanted]]
    elif len(positions) != len(wanted):
        raise MessageError(
            f"{part.topic}: a command has {len(positions)} values; the contract names "
            f"{len(wanted)} joints"
        )
    elif all(field.startswith("data[") for field in part.fields):
        positions = positions[[place_of(field) for field in part.fields]]
    return positions
