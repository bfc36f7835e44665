# SPDX-License-Identifier: Apache-2.0
"""Joint positions over time from whatever message type carries them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.contract import MAX_AGE_S
from pam_ros.robot.parts import part_names
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.joints import JOINT_TRAJECTORY
from pam_ros.robot.values.kinds import UNITS
from pam_ros.robot.values.registry import VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.bags import BagTopic
    from pam_ros.robot.values.interface import ValueType
    from pam_ros.show.report.clock import Clock

#: Points of a chunk that are kept: a line through them shows where it goes.
CHUNK_POINTS = 7

_COMMANDING = ("command", "cmd", "goal", "target")
"""A topic with one of these in its name goes to a robot."""

MEASURED, COMMANDED, PREDICTED, CHUNK = "measured", "commanded", "predicted", "chunk"


@dataclass(frozen=True)
class JointSeries:
    """Positions (samples, joints) [rad, or what the topic has] at times (samples,) [s]."""

    role: str
    topic: str
    names: tuple[str, ...]
    times: npt.NDArray[np.float64]
    positions: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Chunk:
    """What the policy planned at one moment: positions (points, joints) at times (points,) [s]."""

    time_s: float
    times: npt.NDArray[np.float64]
    positions: npt.NDArray[np.float32]


def roles(topics: Sequence[BagTopic]) -> dict[str, str]:
    """What each topic with a robot's numbers is, by its type and name; others are left out."""
    found: dict[str, str] = {}
    for topic in topics:
        known = VALUE_TYPES.get(topic.type)
        if known is None or not topic.count:
            continue
        name = topic.name.lower()
        if topic.type == JOINT_TRAJECTORY and name.endswith("predicted_chunk"):
            role = CHUNK
        elif "predict" in name:
            role = PREDICTED
        elif known.command and any(word in name for word in _COMMANDING):
            role = COMMANDED
        elif not known.state or topic.type == FLOAT64_MULTI_ARRAY:
            # What else would publish that?
            role = COMMANDED
        else:
            role = MEASURED
        # Of several plans, the one with the most messages.
        before = next((name for name, taken in found.items() if taken == role), None)
        counts = {other.name: other.count for other in topics}
        if role != CHUNK or before is None or counts[before] < topic.count:
            if role == CHUNK:
                found.pop(before or "", None)
            found[topic.name] = role
    return found


def told_apart(series: Sequence[JointSeries]) -> list[JointSeries]:
    """The same, with the part of the robot before a name that several topics of one role have."""
    told = []
    for one in series:
        alike = [other for other in series if other.role == one.role]
        topics = [other.topic for other in alike]
        words = dict(zip(topics, part_names(topics), strict=True))
        others = {name for other in alike if other is not one for name in other.names}
        names = tuple(f"{words[one.topic]}/{n}" if n in others else n for n in one.names)
        told.append(replace(one, names=names))
    return told


@dataclass
class JointReader:
    """Takes the messages of one topic, one after the other."""

    topic: str
    role: str
    type: str
    _names: tuple[str, ...] = ()
    _rows: list[tuple[float, list[float]]] = field(default_factory=list)
    _newest: dict[str, tuple[float, float]] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    odd: int = 0

    def take(self, message: Any, received_ns: int, clock: Clock) -> None:
        """Take one; several drivers may name some of the joints each, in turns.

        What does not fit is counted in `odd` and left out: a plan of other joints than the first,
        an array of another length, numbers without names.
        """
        names, points, offsets = self._content(message)
        self._names = self._names or names
        values = np.asarray(points, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(names) or not values.size:
            self.odd += 1
            return
        whole = set(names) == set(self._names) and len(names) == len(self._names)
        if not whole and not self._in_turns:
            self.odd += 1
            return
        time_s = self._time(message, received_ns, clock)
        if self._in_turns:
            self._rows.append((time_s, self._merged(names, values[0].tolist(), time_s)))
            return
        values = values[:, [names.index(name) for name in self._names]]
        self._rows.append((time_s, values[0].tolist()))
        if self.role == CHUNK:
            chosen = np.unique(np.linspace(0, len(values) - 1, CHUNK_POINTS).round().astype(int))
            times = time_s + np.asarray(offsets)[chosen]
            self.chunks.append(Chunk(time_s, times, values[chosen].astype(np.float32)))

    @property
    def _in_turns(self) -> bool:
        """Whether a message may name some of the joints alone: each has a value of its own time."""
        return VALUE_TYPES[self.type].named and self.role != CHUNK

    def _merged(self, names: Sequence[str], values: Sequence[float], time_s: float) -> list[float]:
        """The newest value of every joint so far; NaN for one that nobody has told of lately."""
        self._newest.update({name: (time_s, v) for name, v in zip(names, values, strict=True)})
        self._names = tuple(self._newest)
        return [
            value if time_s - told <= MAX_AGE_S else math.nan
            for told, value in self._newest.values()
        ]

    def series(self) -> JointSeries | None:
        """All of it in the order of time; None where there was nothing."""
        if not self._rows:
            return None
        rows = sorted(self._rows, key=lambda row: row[0])
        positions = np.full((len(rows), len(self._names)), np.nan, np.float32)
        for place, (_, values) in enumerate(rows):
            # Joints that were told of later for the first time come after these.
            positions[place, : len(values)] = values
        return JointSeries(
            self.role, self.topic, self._names, np.array([row[0] for row in rows]), positions
        )

    def _content(self, message: Any) -> tuple[tuple[str, ...], list[list[float]], list[float]]:
        """Names, positions (points, joints) and each point's seconds after the stamp."""
        known = VALUE_TYPES[self.type]
        found = known.points(message)
        names = found.names
        if names is None:
            names = tuple(f"joint {index + 1}" for index in range(len(found.rows[0])))
        if not known.named:
            names = tuple(_with_unit(known, name) for name in names)
        return names, found.rows, found.seconds

    def _time(self, message: Any, received_ns: int, clock: Clock) -> float:
        """By the header; a stamp of zero means "on arrival"."""
        has_header = VALUE_TYPES[self.type].has_header
        nanoseconds = stamp_nanoseconds(message.header.stamp) if has_header else 0
        if nanoseconds == 0:
            return clock.time_of_reception(received_ns)
        return clock.time(received_ns, nanoseconds)


def _with_unit(known: ValueType, field: str) -> str:
    """A field and its unit: unlike joints, not all of them are angles."""
    found = known.field(field)
    unit = "" if found is None else UNITS[found.units[0]].in_messages
    return f"{field} [{unit}]" if unit else field
