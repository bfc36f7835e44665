# SPDX-License-Identifier: Apache-2.0
"""What a graph publishes, held against a contract: one sentence for each disagreement. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.joints import message_values
from pam_ros.robot.observation import camera_image
from pam_ros.robot.resizing import fit, squashed
from pam_ros.robot.skew import measure_skew
from pam_ros.robot.sources import Source, contract_sources, state_source
from pam_ros.robot.stamp_faults import Came, stamp_faults
from pam_ros.robot.stamp_offsets import StampOffsets
from pam_ros.robot.sync import Synchroniser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import StatePart

SLOW = 0.8
"""A source below this part of the contract's rate leaves ticks without anything new."""


@dataclass
class Heard:
    """One topic: who publishes which types, and what came, for how long [s].

    ``stamps`` of headers and ``arrivals`` [ns], one of each per message; a message without a header
    counts as stamped when it arrives. ``last`` is the newest message, ``earlier`` has those before
    it, the newest first, as many as it is made for. Of a video, messages are its pictures, and
    ``undecoded`` says why none comes of its packets.
    """

    topic: str
    seconds: float
    types: tuple[str, ...] = ()
    stamps: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    last: Any = None
    undecoded: str = ""
    earlier: deque[Any] = field(default_factory=lambda: deque(maxlen=0))

    def take(self, message: Any) -> None:
        """One more message."""
        if self.last is not None:
            self.earlier.appendleft(self.last)
        self.last = message

    def recent(self, seconds: float) -> list[Any]:
        """The messages that came within this time before the last one [s], the newest first."""
        if self.last is None:
            return []
        since = self.arrivals[-1] - seconds * 1e9 if self.arrivals else 0
        count = sum(arrival >= since for arrival in self.arrivals)
        return [self.last, *islice(self.earlier, max(count - 1, 0))]

    @property
    def rate_hz(self) -> float:
        """Messages per second."""
        return len(self.arrivals) / self.seconds


def wanted_sources(contract: Contract) -> dict[str, Source]:
    """What to listen to, by the source's name."""
    return {source.name: source for source in contract_sources(contract)}


def check_live(contract: Contract, heard: Mapping[str, Heard]) -> tuple[list[str], list[str]]:
    """Notes of what was heard, and problems, one sentence each.

    Args:
        contract: bound to a policy where sizes are to be checked too.
        heard: by source, as ``wanted_sources`` names them.
    """
    notes: list[str] = []
    problems: list[str] = []
    for name, source in wanted_sources(contract).items():
        note, wrong = _check_source(contract, source, heard[name])
        notes += note
        problems += wrong
    came = {name: Came(each.arrivals, each.stamps) for name, each in heard.items()}
    faults = stamp_faults(contract, came).values()
    problems += faults
    if not faults:
        notes += _offsets(contract, heard)
    squashed, wrong = _check_images(contract, heard)
    notes += squashed
    problems += wrong
    problems += _check_joints(contract, heard)
    notes += _skew(contract, heard)
    if not problems:
        problems += _check_sets(contract, heard)
    return notes, problems


def _check_source(contract: Contract, source: Source, heard: Heard) -> tuple[list[str], list[str]]:
    who = source.who
    if not heard.types:
        return [], [f"{who}: nobody publishes this topic"]
    if source.type not in heard.types:
        given = ", ".join(sorted(set(heard.types)))
        return [], [f"{who} is published as {given}; the contract says {source.type}"]
    if not heard.arrivals and heard.undecoded:
        return [], [f"{source.shown}: {heard.undecoded}"]
    if not heard.arrivals:
        return [], [f"{who}: no message came in {heard.seconds:g} s"]
    notes = [f"{who}: {heard.rate_hz:.1f} Hz{_described(heard.last)}"]
    problems = []
    if heard.rate_hz < SLOW * contract.rate_hz:
        problems.append(
            f"{who} comes at {heard.rate_hz:.1f} Hz; the contract ticks at {contract.rate_hz:g} Hz"
        )
    if source.stamped:
        problems += _check_stamps(contract, source, heard)
    return notes, problems


def _described(message: Any) -> str:
    encoding = getattr(message, "encoding", None)
    if encoding is not None:
        return f", {message.width}x{message.height} {encoding}"
    packed = getattr(message, "format", None)
    return f", {packed}" if packed is not None else ""


def _check_stamps(contract: Contract, source: Source, heard: Heard) -> list[str]:
    """What is wrong with the stamps of one source, beside stamp_faults."""
    if max(heard.stamps) > 0 and min(heard.stamps) <= 0:
        return [f"{source.who} has messages without a stamp; they are not used"]
    if stamp_faults(contract, {source.name: Came(heard.arrivals, heard.stamps)}):
        return []  # said of all together: which clock is the odd one depends on the others
    if (np.diff(heard.stamps) < 0).any():
        return [f"{source.who} comes out of order"]
    return []


def _offsets(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    offsets = StampOffsets(contract)
    for name, source in heard.items():
        for stamp, arrival in zip(source.stamps, source.arrivals, strict=True):
            offsets.take(name, stamp, arrival)
    return offsets.notes


def _check_images(contract: Contract, heard: Mapping[str, Heard]) -> tuple[list[str], list[str]]:
    notes, problems = [], []
    for camera in contract.cameras:
        message = heard[camera.name].last
        if message is None:
            continue
        try:
            picture = camera_image(camera, message)
            # Without a policy nobody knows its size; the crop has to fit all the same.
            known = camera.resize != "policy" or camera.target is not None
            used = camera if known else replace(camera, resize=None)
            fit(used, picture)
            notes += squashed(used, picture.shape[0], picture.shape[1])
        except MessageError as error:
            problems.append(str(error))
    return notes, problems


def _check_joints(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    """Whether the state can be read, and whether the robot stands within its limits."""
    problems = []
    for part in contract.state.parts:
        problems += _read(contract, heard, part)[1]
    for command in contract.command.parts:
        if command.measured is None:
            continue
        measured, wrong = _read(contract, heard, command.measured)
        # What the state cannot be read for has been said.
        problems += [problem for problem in wrong if problem not in problems]
        problems += [
            f"joint '{joint.label}' stands at {position:.3f}, outside its limits "
            f"{joint.limits[0]:g} to {joint.limits[1]:g} {joint.message_unit}".rstrip()
            + f": the node would not be enabled there (is the driver's unit {joint.message_unit}?)"
            for joint, position in zip(command.joints, measured, strict=False)
            if joint.limits is not None and not joint.limits[0] <= position <= joint.limits[1]
        ]
    return problems


def _read(
    contract: Contract, heard: Mapping[str, Heard], part: StatePart
) -> tuple[list[float], list[str]]:
    """The numbers of a part as they came last, or why there are none."""
    messages = heard[state_source(contract.state, part.topic)].recent(contract.max_age_s)
    if not messages:
        return [], []
    try:
        values: list[float] = message_values(part.type, messages, part.joints).tolist()
    except MessageError as error:
        return [], [f"{part.topic}: {error}"]
    return values, []


def _skew(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    """How far apart stamps are, and which tolerance would fit."""
    sources = wanted_sources(contract)
    times = {name: _times(source, heard[name]) for name, source in sources.items()}
    skew = measure_skew(times, contract.sync_tolerance_s, contract.trigger)
    if skew is None:
        return []
    apart = ", ".join(
        f"{sources[name].who} {seconds:+.3f} s" for name, seconds in skew.apart_s.items()
    )
    fits = f"{skew.tolerance_s:.3f} s would fit"
    if skew.tolerance_s > contract.max_age_s:
        fits = (
            f"they would need {skew.tolerance_s:.3f} s, and max_age_s is {contract.max_age_s:g} s"
        )
    return [
        f"stamps beside those of {sources[skew.reference].who}: {apart}",
        (
            f"{100 * skew.share:.0f}% of the sets lie within sync_tolerance_s, "
            f"{contract.sync_tolerance_s:g} s; {fits}"
        ),
    ]


def _times(source: Source, heard: Heard) -> list[int]:
    """What time its messages are of [ns], by the contract."""
    pairs = zip(heard.stamps, heard.arrivals, strict=True)
    return [source.time_ns(stamp, arrival) for stamp, arrival in pairs]


def _check_sets(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    """Whether the stamps agree, by the synchroniser itself, in the order of arrival."""
    synchroniser = Synchroniser.for_contract(contract)
    events = sorted(
        (arrival, name, time)
        for name, source in wanted_sources(contract).items()
        for arrival, time in zip(heard[name].arrivals, _times(source, heard[name]), strict=True)
    )
    sets = 0
    for arrival, name, stamp in events:
        synchroniser.add(name, stamp, None)
        sets += synchroniser.newest(arrival) is not None
    if sets:
        return []
    return [f"no set of observations agrees: {synchroniser.reason}"]
