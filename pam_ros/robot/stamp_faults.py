# SPDX-License-Identifier: Apache-2.0
"""Why a source's stamps cannot be used, with the key that cures it. Pure: no clock inside.

A source whose header says 0, or another clock's time, never has a part in a set, however long one
waits. Each kind has a sentence of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.sources import Source

_SECOND = 1_000_000_000
# No robot's wall clock says so little, and no simulation or computer has run for so long.
_WALL_NS = 10**8 * _SECOND
# What is farther off is no driver's delay: clocks were never set to each other.
_OTHER_CLOCK_S = 60.0
_ANEW = "'stamp: arrival' if the difference is another one at each start"


class Came(NamedTuple):
    """Messages of a source: when they arrived, by this clock, and what their headers say [ns]."""

    arrivals: Sequence[int]
    stamps: Sequence[int]


def stamp_faults(contract: Contract, came: Mapping[str, Came]) -> dict[str, str]:
    """A sentence for each source whose stamps keep it out of every set.

    Args:
        contract: says what the stamps are to be.
        came: of sources of contract_sources, what came lately.
    """
    stamped = [
        source
        for source in contract_sources(contract)
        if source.stamped and source.name in came and len(came[source.name].stamps)
    ]
    faults: dict[str, str] = {}
    told: set[str] = set()
    for source in stamped:
        others = [came[other.name] for other in stamped if other.topic != source.topic]
        sentence = _fault(source, came[source.name], others, contract)
        # Cameras may share a topic.
        if sentence and source.topic not in told:
            told.add(source.topic)
            faults[source.name] = sentence
    return faults


def _fault(source: Source, came: Came, others: Sequence[Came], contract: Contract) -> str:
    if max(came.stamps) <= 0:
        return (
            f"{source.who} has the stamp 0: set header.stamp where it is published, or write "
            "'stamp: arrival' for it in the contract"
        )
    pairs = [pair for pair in zip(came.arrivals, came.stamps, strict=True) if pair[1] > 0]
    arrivals, stamps = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    times = stamps + source.stamping.offset_ns
    delays = (arrivals - times) * 1e-9
    delay = float(np.median(delays))
    if abs(delay) <= contract.max_age_s:
        return ""
    other = _other_kind_of_clock(source, int(arrivals[-1]), int(times[-1]), others)
    if other:
        return other
    low, high = np.percentile(delays, [10, 90])
    steady = high - low <= contract.sync_tolerance_s
    return f"{source.who} is stamped {_how_far(delay, contract)}: {_cure(source, delay, steady)}"


def _other_kind_of_clock(source: Source, arrival: int, time: int, others: Sequence[Came]) -> str:
    """If one of the two clocks is the wall's and the other counts from somebody's start."""
    if (arrival < _WALL_NS) == (time < _WALL_NS):
        return ""
    if arrival < _WALL_NS:
        return (
            f"{source.who} is stamped by the wall clock, and the clock here is simulated time "
            f"({arrival / _SECOND:.2f} s): set 'use_sim_time: true' for what publishes it, or "
            "false here"
        )
    if any(max(other.stamps) >= _WALL_NS for other in others):
        return (
            f"{source.who} is stamped by a clock that counts from its own start "
            f"({time / _SECOND:.2f} s): write 'stamp: arrival' for it in the contract"
        )
    return (
        f"{source.who} is stamped {time / _SECOND:.2f} s, in simulated time, and the clock here is "
        "the wall clock: set 'use_sim_time: true' (on a robot, whose driver stamps from its own "
        "start, write 'stamp: arrival' in the contract)"
    )


def _how_far(delay: float, contract: Contract) -> str:
    if abs(delay) >= _OTHER_CLOCK_S:
        hours, seconds = divmod(round(abs(delay)), 3600)
        shown = f"{hours} h {seconds // 60} min" if hours else f"{abs(delay):.1f} s"
        return f"by another clock, {shown} {'behind' if delay > 0 else 'ahead of'} this one"
    if delay < 0:
        return f"{-delay:.2f} s in the future"
    limit = f"at most max_age_s, {contract.max_age_s:g} s, is used"
    return f"{delay:.2f} s before it arrives; {limit}"


def _cure(source: Source, delay: float, steady: bool) -> str:
    if not steady:
        return "it is not always as much: look at the clocks, or at the driver"
    offset = f"'stamp_offset_s: {round(source.stamping.offset_s + delay, 2):.12g}'"
    if abs(delay) >= _OTHER_CLOCK_S:
        return f"synchronise the two (chrony), or write {offset} for it in the contract, or {_ANEW}"
    return f"if its clock is that far off, write {offset} for it in the contract, or {_ANEW}"
