# SPDX-License-Identifier: Apache-2.0
"""What was seen of a robot's topics, in a recording or on a graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.contract import COMPRESSED_IMAGE, IMAGE, Size
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import NODE, RECORDER
from pam_ros.robot.values.registry import VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.robot.urdf import UrdfJoint

_OURS = (f"{NODE}/", f"{RECORDER}/")
_MOST = 20_000
"""So many values of a joint are kept: ten minutes at 30 Hz."""
_STAMPED_NS, _ARRIVED_NS = 20_000_000, 100_000_000
"""A speed is measured over so long at least: steps of an encoder, and messages that come together
since a network or this machine was busy, are no movement."""


@dataclass(frozen=True)
class SeenTopic:
    """One topic.

    Attributes:
        name: its full name.
        type: of its messages.
        rate_hz: how often they came; None if none did.
        times_ns: of which time they are by their headers, or when they came [ns].
        size: of the pictures; None if no picture could be read.
        encoding: of an Image; else empty.
        values: (n,) float64 of each joint or field by its name, in the units of messages, in the
            order in which they first came.
        fastest: the largest change of each of them per second.
        listeners: names of the robot's nodes that subscribe.
        talkers: names of the robot's nodes that publish.
        told: joints that a listener says that it commands (a controller's parameter `joints`).
        unstamped: whether a header had the stamp 0.
    """

    name: str
    type: str
    rate_hz: float | None = None
    times_ns: tuple[int, ...] = ()
    size: Size | None = None
    encoding: str = ""
    values: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    fastest: Mapping[str, float] = field(default_factory=dict)
    listeners: tuple[str, ...] = ()
    talkers: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    unstamped: bool = False

    @property
    def joints(self) -> tuple[str, ...]:
        """What it names, or what a controller names that listens to it."""
        return tuple(self.values) or self.told


@dataclass(frozen=True)
class Seen:
    """All of a robot.

    Attributes:
        where: what was looked at, for the comments of the draft: "the bag run1".
        topics: all that there are.
        live: whether it was a graph, which also tells who listens.
        description: joints of /robot_description; empty without one.
        instruction: what the policy was last told; empty if that was not heard.
    """

    where: str
    topics: Sequence[SeenTopic]
    live: bool = False
    description: Mapping[str, UrdfJoint] = field(default_factory=dict)
    instruction: str = ""

    @property
    def own(self) -> list[SeenTopic]:
        """Those of the robot, without what this package publishes."""
        return [
            topic
            for topic in self.topics
            if not topic.name.startswith(_OURS)
            and "/attention/" not in topic.name
            and not topic.name.endswith("/predicted_chunk")
        ]


class Watched:
    """Takes the messages of one topic, and says what was seen.

    Attributes:
        size: of its pictures; whoever decodes a video may set it.
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.type = kind
        self.size: Size | None = None
        self._encoding = ""
        self._arrivals: list[int] = []
        self._stamps: list[int] = []
        self._values: dict[str, list[tuple[int, int, float]]] = {}

    @property
    def heard(self) -> bool:
        """Whether any message has come."""
        return bool(self._arrivals)

    def take(self, message: Any, time_ns: int) -> None:
        """A message came; time_ns: when [ns]."""
        header = getattr(message, "header", None)
        stamp_ns = time_ns if header is None else stamp_nanoseconds(header.stamp)
        self._arrivals.append(time_ns)
        self._stamps.append(stamp_ns)
        if self.type == IMAGE:
            self.size = Size(int(message.height), int(message.width))
            self._encoding = str(message.encoding)
        elif self.type == COMPRESSED_IMAGE and self.size is None:
            try:
                height, width = compressed_to_rgb(message).shape[:2]
            except MessageError:
                return
            self.size = Size(height, width)
        elif self.type in VALUE_TYPES:
            self._take_values(message, 0 if header is None else stamp_ns, time_ns)

    def result(self, **more: Any) -> SeenTopic:
        """What was seen; more: fields of SeenTopic that only a graph tells."""
        unstamped = 0 in self._stamps
        # A driver's own stamps tell its rate even if this machine is busy.
        times = sorted(self._arrivals if unstamped else self._stamps)
        passed = (times[-1] - times[0]) * 1e-9 if times else 0.0
        rate = (len(times) - 1) / passed if passed > 0 else None
        return SeenTopic(
            self.name,
            self.type,
            rate_hz=rate,
            times_ns=tuple(times),
            size=self.size,
            encoding=self._encoding,
            values={name: np.array([v for *_, v in each]) for name, each in self._values.items()},
            fastest={name: _fastest(each) for name, each in self._values.items()},
            unstamped=unstamped,
            **more,
        )

    def _take_values(self, message: Any, stamp_ns: int, time_ns: int) -> None:
        known = VALUE_TYPES[self.type]
        if known.named or self.type.endswith("MultiArray"):
            points = known.points(message)
            row = points.rows[0] if points.rows else []
            names = points.names or tuple(f"data[{place}]" for place in range(len(row)))
            pairs = list(zip(names, row, strict=False))
        else:
            fields = _PLAIN.get(self.type.rpartition("/")[2], ())
            addresses = [_Address(path, path) for path in fields]
            try:
                found = known.find(message, addresses)
            except MessageError:
                return
            pairs = [
                (path, value)
                for path, value in zip(fields, found, strict=True)
                if value is not None
            ]
        for name, value in pairs:
            kept = self._values.setdefault(str(name), [])
            if len(kept) < _MOST and np.isfinite(value):
                kept.append((stamp_ns, time_ns, float(value)))


@dataclass(frozen=True)
class _Address:
    name: str
    field: str


# What a base that drives on a floor is read and commanded by.
_BASE = ("linear.x", "angular.z")
_PLAIN = {"Odometry": _BASE, "Twist": _BASE, "TwistStamped": _BASE}


def _fastest(values: Sequence[tuple[int, int, float]]) -> float:
    """The 99th percentile of the speeds: one wrong value makes a jump.

    By stamps where every message has one, else by arrivals.
    """
    stamped = all(stamp for stamp, _, _ in values)
    over = _STAMPED_NS if stamped else _ARRIVED_NS
    ordered = sorted((stamp if stamped else time, value) for stamp, time, value in values)
    times = np.array([time for time, _ in ordered], np.int64)
    stood = np.array([value for _, value in ordered], np.float64)
    later = np.searchsorted(times, times + over)
    first = np.flatnonzero(later < len(times))
    last = later[first]
    speeds = np.abs(stood[last] - stood[first]) / ((times[last] - times[first]) * 1e-9)
    return float(np.quantile(speeds, 0.99)) if len(speeds) else 0.0
