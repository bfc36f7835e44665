# SPDX-License-Identifier: Apache-2.0
"""Joint positions over time from whatever message type carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.commands import COMMAND_TYPES, command_type
from pam_ros.robot.contract import JOINT_STATE, JOINT_TRAJECTORY
from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.bags import BagTopic
    from pam_ros.show.report.clock import Clock

#: Points of a chunk that are kept: a line through them shows where it goes.
CHUNK_POINTS = 7

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
    """What each topic with joint positions is, judged by its type and name; others are left out."""
    found: dict[str, str] = {}
    for topic in topics:
        leaf = topic.name.lower()
        if topic.type not in COMMAND_TYPES or not topic.count:
            continue
        if topic.type == JOINT_TRAJECTORY and leaf.endswith("predicted_chunk"):
            role = CHUNK
        elif "predict" in leaf:
            role = PREDICTED
        elif "command" in leaf or topic.type != JOINT_STATE:
            role = COMMANDED
        else:
            role = MEASURED
        # Of several, the one with the most messages.
        before = next((name for name, taken in found.items() if taken == role), None)
        counts = {other.name: other.count for other in topics}
        if before is None or counts[before] < topic.count:
            found.pop(before or "", None)
            found[topic.name] = role
    return found


@dataclass
class JointReader:
    """Takes the messages of one topic, one after the other."""

    topic: str
    role: str
    type: str
    _names: tuple[str, ...] = ()
    _rows: list[tuple[float, list[float]]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    odd: int = 0

    def take(self, message: Any, received_ns: int, clock: Clock) -> None:
        """Messages with other joints than the first are counted in `odd` and left out."""
        names, points, offsets = self._content(message)
        self._names = self._names or names
        same = set(names) == set(self._names) and len(names) == len(self._names)
        values = np.asarray(points, dtype=np.float64)
        if not same or values.ndim != 2 or values.shape[1] != len(names) or not len(values):
            self.odd += 1
            return
        values = values[:, [names.index(name) for name in self._names]]
        time_s = self._time(message, received_ns, clock)
        self._rows.append((time_s, values[0].tolist()))
        if self.role == CHUNK:
            chosen = np.unique(np.linspace(0, len(values) - 1, CHUNK_POINTS).round().astype(int))
            times = time_s + np.asarray(offsets)[chosen]
            self.chunks.append(Chunk(time_s, times, values[chosen].astype(np.float32)))

    def series(self) -> JointSeries | None:
        """All of it in the order of time; None where there was nothing."""
        if not self._rows:
            return None
        rows = sorted(self._rows, key=lambda row: row[0])
        return JointSeries(
            self.role,
            self.topic,
            self._names,
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows], dtype=np.float32),
        )

    def _content(self, message: Any) -> tuple[tuple[str, ...], list[list[float]], list[float]]:
        """Names, positions (points, joints) and each point's seconds after the stamp."""
        found = command_type(self.type).read(message)
        names = found.names
        if names is None:
            names = tuple(f"joint {index + 1}" for index in range(len(found.positions[0])))
        return names, found.positions, found.seconds

    def _time(self, message: Any, received_ns: int, clock: Clock) -> float:
        """By the header; a stamp of zero means "on arrival"."""
        has_header = command_type(self.type).has_header
        nanoseconds = stamp_nanoseconds(message.header.stamp) if has_header else 0
        if nanoseconds == 0:
            return clock.time_of_reception(received_ns)
        return clock.time(received_ns, nanoseconds)
