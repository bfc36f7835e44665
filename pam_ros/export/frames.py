# SPDX-License-Identifier: Apache-2.0
"""The frames of one recording: an observation as the live node sees it, and what was commanded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.export.actions import CommandReader, Commands, RecordedCommand, Window
from pam_ros.export.errors import ExportError
from pam_ros.export.map_ticks import in_tick_order, was_commanded, window_of
from pam_ros.export.marks import EpisodeMarks
from pam_ros.export.rate import RateCheck
from pam_ros.export.topics import contract_of, whole_fps
from pam_ros.observations.observed_ticks import ObservedTicks
from pam_ros.observations.recorded_bag import RecordedBag
from pam_ros.observations.recording import OpenRecording
from pam_ros.replay.no_ticks import why_no_ticks
from pam_ros.replay.recorded import RecordedTicks
from pam_ros.robot import MessageError
from pam_ros.robot.sources import headless_sources
from pam_ros.tick.attention_map import ATTENTION_MAP
from pam_ros.tick.loop import longest_gap_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from pam_ros.export.settings import ExportSettings
    from pam_ros.observations.observed import ObservedTick

_SECOND = 1_000_000_000
_STRING = "std_msgs/msg/String"


@dataclass(frozen=True, eq=False)
class Frame:
    """One row of the dataset.

    Attributes:
        episode: its number in the recording, counted from 0.
        task: text of the episode.
        stamps: what time the observation's messages are of, by source [ns]; the environment has
            none.
        observation: pictures (H, W, 3) uint8 RGB and vectors float32, by feature.
        command: what was commanded.
    """

    episode: int
    task: str
    stamps: Mapping[str, int]
    observation: Mapping[str, NDArray[Any]]
    command: RecordedCommand

    @property
    def stamp_ns(self) -> int:
        """The newest stamp [ns]."""
        return max(self.stamps.values())


@dataclass(frozen=True)
class _Answered:
    """An observation, the moment of its newest message [ns], its command and its stretch."""

    tick: ObservedTick
    received_ns: int
    command: RecordedCommand
    place: tuple[int, int]
    task: str


class BagFrames:
    """What a recording gives.

    counts: what was not used, by cause. notes: one sentence for each loss. Both are whole once
    `frames` has ended.

    Args:
        bag: folder or file.
        settings: what to export.
        work: a folder for the copy of a damaged bag.

    Raises:
        PamRosError: the recording cannot be read, or does not fit the contract.
    """

    def __init__(self, bag: Path, settings: ExportSettings, work: Path) -> None:
        self._path = bag
        self._settings = settings
        self._bag = RecordedBag(bag, work)
        self.notes = self._bag.notes
        self.counts: Counter[str] = Counter()
        self._unusable = ""
        self._now = self._last_map = 0
        types = {topic.name: topic.type for topic in self._bag.topics.values()}
        self.contract = contract_of(settings, types, bag)
        self.fps = whole_fps(settings, self.contract)
        self._longest_gap = round(longest_gap_s(self.contract.max_age_s, self.fps) * _SECOND)
        self._recorded = RecordedTicks()
        self._commands, self._marks = self._read_small(types)
        self._observed = ObservedTicks(
            OpenRecording(self._bag, self.contract),
            self._environment_dim(),
            in_tick_order(self._recorded.ticks),
            settings.fps,
        )

    def frames(self) -> Iterator[Frame]:
        """In the order of the recording.

        Raises:
            ExportError: there is not one, or the observations do not come at the dataset's rate.
        """
        rate = RateCheck(self._path, self.fps)
        episode, place, last = -1, None, 0
        for answered in self._answered():
            frame = self._frame(answered)
            if frame is None:
                continue
            stamp = frame.stamp_ns
            if answered.place != place or abs(stamp - last) > self._longest_gap:
                episode += 1
            else:
                rate.take(stamp - last)
            place, last = answered.place, stamp
            yield replace(frame, episode=episode)
        rate.end()
        self.counts["missing_frames"] += rate.missing
        self.counts += self._observed.counts
        self.notes += [note for note in self._observed.notes if note not in self.notes]
        if self._unusable:
            self.notes.append(
                f"{self.counts['unusable']} observations are not usable, such as: {self._unusable}"
            )
        if episode < 0:
            raise ExportError(self._why_none())

    def lost(self) -> dict[str, int]:
        """What was not used, by cause, once `frames` has ended."""
        counts = +self.counts
        counts.pop("observations", None)
        return dict(sorted(counts.items()))

    @property
    def part(self) -> float:
        """How much of the recording is read, 0 to 1."""
        span = max(self._bag.end_ns - self._bag.start_ns, 1)
        return min(max((self._now - self._bag.start_ns) / span, 0.0), 1.0)

    def close(self) -> None:
        """Close the files."""
        self._bag.close()

    def _answered(self) -> Iterator[_Answered]:
        """The observations that are exported, each with its command."""
        restarts = 0
        # What a command answers is known once the next observation is there.
        before: tuple[ObservedTick, int, int] | None = None
        for tick in self._observed.ticks():
            self.counts["observations"] += 1
            restarts += tick.restart
            if tick.missing:
                self.counts["incomplete"] += 1
                continue
            received = max(one.message.stamp_ns for one in tick.messages.values())
            if before is not None:
                yield from self._answer(*before, next_ns=received)
            before = tick, received, restarts
            self._now = received
        if before is not None:
            yield from self._answer(*before, next_ns=None)

    def _answer(
        self, tick: ObservedTick, received_ns: int, restarts: int, next_ns: int | None
    ) -> Iterator[_Answered]:
        recorded = tick.recorded
        end = received_ns + self._longest_gap
        window = Window(
            received_ns, end if next_ns is None else min(end, max(next_ns, received_ns))
        )
        commanded = True
        if recorded is not None:
            commanded = was_commanded(recorded)
            window = window_of(recorded, received_ns, self._last_map)
            self._last_map = recorded.received_ns
        command = self._commands.answer(window) if commanded else None
        if command is None and self._settings.without_command == "repeat":
            command = self._commands.newest(window.until_ns)
        mark = self._marks.at(received_ns)
        if not mark.exported:
            self.counts["between_episodes"] += 1
        elif command is None:
            self.counts["no_command"] += 1
        else:
            lived = restarts if recorded is None else recorded.episode
            task = self._settings.task or mark.task
            yield _Answered(tick, received_ns, command, (lived, mark.number), task)

    def _frame(self, answered: _Answered) -> Frame | None:
        tick = answered.tick
        try:
            seen, observation = self._observed.observe(tick)
        except (MessageError, BagError) as error:
            self.counts["unusable"] += 1
            self._unusable = str(error)
            return None
        headless = headless_sources(self.contract)
        stamps = {source: stamp for source, stamp in seen.stamps.items() if source not in headless}
        return Frame(0, answered.task, stamps, observation.features, answered.command)

    def _environment_dim(self) -> int:
        """Values of the environment state, which no contract says; 0 where there is none."""
        if self.contract.environment is None:
            return 0
        for message in self._bag.messages([self.contract.environment.topic]):
            return len(self._bag.decode(message).data)
        return 0

    def _read_small(self, types: Mapping[str, str]) -> tuple[Commands, EpisodeMarks]:
        """Commands, annotations and maps: what has to be known before the pictures are read."""
        settings, reader = self._settings, CommandReader(self.contract.command)
        attention = f"{settings.node}/attention"
        chooses = not settings.ignore_maps and not settings.fps
        topics = reader.topics
        if chooses and types.get(attention) == ATTENTION_MAP:
            topics.append(attention)
        if types.get(settings.annotations) == _STRING:
            topics.append(settings.annotations)
        commands: list[RecordedCommand] = []
        said: list[tuple[int, str]] = []
        for message in self._bag.messages(topics):
            try:
                decoded = self._bag.decode(message)
                if message.topic in reader.topics:
                    command = reader.take(message.topic, decoded, message.stamp_ns)
                    if command is not None:
                        commands.append(command)
                elif message.topic == attention:
                    self._recorded.take(decoded, message.stamp_ns)
                else:
                    said.append((message.stamp_ns, str(decoded.data)))
            except (BagError, MessageError) as error:  # noqa: PERF203  (each message by itself)
                self.counts[
                    "unusable_command" if message.topic in reader.topics else "damaged"
                ] += 1
                note = f"{message.topic}: a message is left out: {error}"
                if note not in self.notes:
                    self.notes.append(note)
        return Commands(commands), EpisodeMarks(said)

    def _why_none(self) -> str:
        counts = self.counts
        observed = counts["observations"] - counts["incomplete"] - counts["unusable"]
        if not observed or not counts["no_command"] + counts["between_episodes"]:
            why = why_no_ticks(counts, self._unusable, self._observed.why_none())
            return f"bag {self._path} gives {why}"
        if counts["no_command"]:
            topic = " and ".join(part.topic for part in self.contract.command.parts)
            return (
                f"bag {self._path}: none of {counts['no_command']} observations was followed by a "
                f"command on {topic} ({len(self._commands)} commands were recorded): record the "
                "topic that moves the robot while it does, or name it with --topic"
            )
        return (
            f"bag {self._path}: its annotations put all {counts['between_episodes']} observations "
            "between episodes"
        )
