# SPDX-License-Identifier: Apache-2.0
"""What a bag says about a run, tick by tick: one pass over all but its pictures."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.bags import BagError, BagReader
from pam_ros.bags.command_latency import command_latencies, ran
from pam_ros.bags.tick_order import Arrived, in_tick_order
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import further_map
from pam_ros.show.report.clock import Clock
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.further import further_maps
from pam_ros.show.report.joints import JointReader, roles, told_apart
from pam_ros.show.report.pictures import Pictures, missing_pictures
from pam_ros.show.report.tick import Tick, cameras_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from pam_ros.bags import BagTopic
    from pam_ros.message_types.pam_ros import AttentionMap, SaeFeatures
    from pam_ros.show.report.further import FurtherMaps
    from pam_ros.show.report.joints import Chunk, JointSeries
    from pam_ros.show.report.pictures import PictureAt

ATTENTION_TYPE = "pam_ros/msg/AttentionMap"
FEATURES_TYPE = "pam_ros/msg/SaeFeatures"
STRING_TYPE = "std_msgs/msg/String"
#: Notes on topics of this name are marks.
ANNOTATE = "annotate"
_DESCRIPTION = "robot_description"
_NOTED = {ANNOTATE, "result", _DESCRIPTION}


@dataclass(frozen=True)
class Mark:
    """A moment that has a name. `kind`: "annotation" or "result"."""

    time_s: float
    kind: str
    text: str
    success: bool | None = None


@dataclass
class Recording:
    """All of a bag that the page shows, but its pictures.

    `pictures` has, for each tick and camera, the topic, the reception [ns] and the header stamp of
    the picture to show, and whether it is the very picture that the tick saw; None where there is
    none. `further` has the maps of further targets. `notes` say what is missing; `features_note`
    why ticks have no features. `encodings` are those of topics whose images tell only their type,
    as a contract says. `start_ns`: when its first message was received [ns]. `description`: the
    robot's, as robot_state_publisher reads it; empty if the bag has none.
    """

    name: str
    attention_topic: str
    ticks: list[Tick]
    camera_topics: dict[str, str]
    pictures: list[dict[str, PictureAt]]
    features: dict[int, SaeFeatures]
    joints: list[JointSeries]
    chunks: list[Chunk]
    marks: list[Mark]
    further: list[FurtherMaps]
    topics: dict[str, BagTopic]
    notes: list[str] = field(default_factory=list)
    features_note: str = ""
    encodings: dict[str, str] = field(default_factory=dict)
    start_ns: int = 0
    description: str = ""

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Of the ticks [s], rising."""
        return np.array([tick.time_s for tick in self.ticks])


def read_recording(bag: Path, camera_topics: Mapping[str, str] | None = None) -> Recording:
    """Reads the bag.

    Args:
        bag: folder or file.
        camera_topics: camera name to image topic, where the name does not tell.

    Raises:
        ReportError: the bag has no attention maps, or not the topics given.
        BagError: it is damaged.
    """
    with BagReader(bag) as reader:
        topic = _attention_topic(reader)
        return _Pass(reader, topic, dict(camera_topics or {})).recording()


class _Pass:
    """The messages of one bag, sorted into what they are."""

    def __init__(self, reader: BagReader, attention: str, given: dict[str, str]) -> None:
        self._reader = reader
        self._attention = attention
        self._notes: list[str] = []
        self._features_note = ""
        self._unreadable: Counter[str] = Counter()
        self._maps: list[tuple[int, AttentionMap]] = []
        self._others: list[tuple[int, str, Any]] = []
        self._further: dict[str, list[AttentionMap]] = {
            name: []
            for name, info in reader.topics.items()
            if info.type == ATTENTION_TYPE and further_map(name) is not None
        }
        self._roles = roles(list(reader.topics.values()))
        self._pictures = Pictures(reader, given)
        for camera, topic in given.items():
            if topic not in self._pictures.candidates:
                raise ReportError(
                    f"bag {reader.path} has no images on {topic}, given for camera '{camera}'"
                )

    def recording(self) -> Recording:
        self._read()
        if not self._maps:
            raise ReportError(f"no AttentionMap in {self._reader.path} can be read")
        self._maps = _in_order(self._maps)
        clock = Clock(
            [received for received, _ in self._maps],
            [stamp_nanoseconds(message.header.stamp) for _, message in self._maps],
        )
        joints = self._joints(clock)
        # The parts of a command go out together: one of them tells when.
        commanded = [topic for topic, role in self._roles.items() if role == "commanded"]
        first = max(commanded, key=lambda topic: self._reader.topics[topic].count, default="")
        commands = [
            (received, stamp_nanoseconds(message.header.stamp))
            for received, topic, message in self._others
            if topic == first and hasattr(message, "header")
        ]
        ticks = self._ticks(clock, commands)
        topics = self._pictures.topics(ticks)
        pictures = [self._pictures.of(tick, topics) for tick in ticks]
        self._say_what_is_missing(clock, ticks, topics, pictures)
        series = [found for found in (reader.series() for reader in joints) if found is not None]
        series = told_apart(series)
        return Recording(
            name=self._reader.path.resolve().name,
            attention_topic=self._attention,
            ticks=ticks,
            camera_topics=topics,
            pictures=pictures,
            features=self._features(),
            joints=series,
            chunks=[chunk for reader in joints for chunk in reader.chunks],
            marks=self._marks(clock),
            further=further_maps(ticks, self._further),
            topics=dict(self._reader.topics),
            notes=self._notes,
            features_note=self._features_note,
            start_ns=self._reader.start_ns,
            description=self._description(),
        )

    def _read(self) -> None:
        wanted = {self._attention, *self._roles, *self._pictures.candidates, *self._further}
        for name, info in self._reader.topics.items():
            note = info.type == STRING_TYPE and name.rsplit("/", 1)[-1] in _NOTED
            if note or info.type == FEATURES_TYPE:
                wanted.add(name)
        for message in self._reader.messages(wanted & set(self._reader.readable)):
            try:
                if message.topic in self._pictures.candidates:
                    self._pictures.take(message)
                    continue
                decoded = self._reader.decode(message)
            except BagError:
                self._unreadable[message.topic] += 1
                continue
            if message.topic == self._attention:
                self._maps.append((message.stamp_ns, decoded))
            elif message.topic in self._further:
                self._further[message.topic].append(decoded)
            else:
                self._others.append((message.stamp_ns, message.topic, decoded))

    def _ticks(self, clock: Clock, commands: list[tuple[int, int]]) -> list[Tick]:
        ticks_ran = [ran(map_, stamp_nanoseconds(map_.header.stamp)) for _, map_ in self._maps]
        latencies = command_latencies(ticks_ran, sorted(stamp for _, stamp in commands))
        ticks = [
            Tick(float(time_s), received, message, cameras_of(message), latency)
            for time_s, (received, message), latency in zip(
                clock.times, self._maps, latencies, strict=True
            )
        ]
        ticks.sort(key=lambda tick: tick.time_s)
        return ticks

    def _joints(self, clock: Clock) -> list[JointReader]:
        types = {name: info.type for name, info in self._reader.topics.items()}
        readers = {
            topic: JointReader(topic, role, types[topic]) for topic, role in self._roles.items()
        }
        for received, topic, message in self._others:
            if topic in readers:
                readers[topic].take(message, received, clock)
        for topic, reader in readers.items():
            if reader.odd:
                self._notes.append(
                    f"{reader.odd} messages on {topic} have other joints than its first, or name "
                    "none, and are left out"
                )
        return list(readers.values())

    def _features(self) -> dict[int, SaeFeatures]:
        """Valid SaeFeatures by the stamp [ns] of their tick."""
        types = {name: info.type for name, info in self._reader.topics.items()}
        found = {}
        invalid: list[str] = []
        for _, topic, message in self._others:
            if types[topic] == FEATURES_TYPE:
                if message.valid:
                    found[stamp_nanoseconds(message.header.stamp)] = message
                else:
                    invalid.append(str(message.invalid_reason) or "without a reason")
        if invalid:
            self._features_note = f"{len(invalid)} ticks have no sparse features: {invalid[0]}"
        return found

    def _description(self) -> str:
        texts = (
            str(message.data)
            for _, topic, message in self._others
            if topic.rsplit("/", 1)[-1] == _DESCRIPTION and hasattr(message, "data")
        )
        return next(texts, "")

    def _marks(self, clock: Clock) -> list[Mark]:
        marks = []
        for received, topic, message in self._others:
            leaf = topic.rsplit("/", 1)[-1]
            if leaf not in {ANNOTATE, "result"} or not hasattr(message, "data"):
                continue
            time_s = clock.time_of_reception(received)
            if leaf == ANNOTATE:
                marks.append(Mark(time_s, "annotation", str(message.data)))
                continue
            with suppress(ValueError, TypeError, AttributeError):
                success = bool(json.loads(message.data)["success"])
                text = "reached" if success else "missed"
                marks.append(Mark(time_s, "result", text, success))
        return sorted(marks, key=lambda mark: mark.time_s)

    def _say_what_is_missing(
        self,
        clock: Clock,
        ticks: list[Tick],
        topics: Mapping[str, str],
        pictures: list[dict[str, PictureAt]],
    ) -> None:
        for topic, count in self._unreadable.items():
            self._notes.append(f"{count} messages on {topic} could not be read")
        numbers = [int(tick.message.tick) for tick in ticks]
        lost = sum(max(0, after - before - 1) for before, after in pairwise(numbers))
        if lost:
            self._notes.append(f"{lost} ticks are missing between those in the bag")
        if clock.jumps:
            self._notes.append(
                f"the clock of the header stamps jumped {clock.jumps} times; "
                "time goes on from where it was"
            )
        if clock.out_of_order:
            self._notes.append(f"{clock.out_of_order} maps came out of order and were sorted")
        self._notes += missing_pictures(ticks, topics, pictures)


def _in_order(maps: list[tuple[int, AttentionMap]]) -> list[tuple[int, AttentionMap]]:
    """Maps in the order of their ticks, each with when its tick had run at the latest [ns]."""
    maps = sorted(maps, key=lambda item: item[0])
    arrived = (
        Arrived(int(message.tick), stamp_nanoseconds(message.header.stamp), received)
        for received, message in maps
    )
    return [(placed.ran_by_ns, maps[placed.place][1]) for placed in in_tick_order(arrived)]


def _attention_topic(reader: BagReader) -> str:
    maps = [t for t in reader.topics.values() if t.type == ATTENTION_TYPE and t.count]
    live = [
        topic
        for topic in maps
        if not topic.name.endswith("/explanation") and further_map(topic.name) is None
    ]
    if not live:
        names = ", ".join(sorted(reader.topics)) or "no topic at all"
        raise ReportError(
            f"bag {reader.path} has no attention maps (pam_ros/msg/AttentionMap); its topics: "
            f"{names}"
        )
    return max(live, key=lambda topic: (topic.count, topic.name)).name
