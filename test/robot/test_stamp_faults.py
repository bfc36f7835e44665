# SPDX-License-Identifier: Apache-2.0
"""Stamps that no set can have: each kind has its sentence, with the key that cures it."""

from __future__ import annotations

import pytest

from pam_ros.robot import parse_contract
from pam_ros.robot.stamp_faults import Came, stamp_faults
from pam_ros.robot.stamp_offsets import StampOffsets

SECOND = 10**9
WALL = 1_700_000_000 * SECOND
TOP = "camera 'top' (/top/image_raw)"


def came(behind_s=0.01, now=WALL, jitter_s=0.0, count=10):
    """What arrived until now, ten times a second; its stamps behind by so much."""
    arrivals = [now - (count - k) * SECOND // 10 for k in range(count)]
    odd = round(jitter_s * SECOND)
    behind = round(behind_s * SECOND)
    return Came(arrivals, [each - behind - odd * (k % 2) for k, each in enumerate(arrivals)])


def zero():
    return Came(came().arrivals, [0] * 10)


def simulated(seconds, now=WALL):
    return came((now / SECOND) - seconds, now)


def faults(contract, top, **others):
    rest = {"wrist": came(), "joint_states": came()} | others
    return stamp_faults(contract, {"top": top, **rest})


@pytest.mark.parametrize(
    ("top", "sentence"),
    [
        (zero(), "has the stamp 0: set header.stamp where it is published, or write 'stamp: arr"),
        (
            came(7200.5),
            (
                "by another clock, 2 h 0 min behind this one: synchronise the two (chrony), or "
                "write 'stamp_offset_s: 7200.5' for it in the contract, or 'stamp: arrival' if the"
            ),
        ),
        (came(-90), "by another clock, 90.0 s ahead of this one"),
        (
            came(0.9),
            (
                "0.90 s before it arrives; at most max_age_s, 0.5 s, is used: if its clock is that "
                "far off, write 'stamp_offset_s: 0.9' for it in the contract, or 'stamp: arrival' "
                "if the difference is another one at each start"
            ),
        ),
        (came(-0.9), "stamped 0.90 s in the future: if its clock is that far off, write 'stamp_o"),
        (came(0.9, jitter_s=0.4), "it is not always as much: look at the clocks, or at the driver"),
        (simulated(12.5), "counts from its own start (12.40 s): write 'stamp: arrival' for it"),
    ],
)
def test_a_source_of_its_own_time_is_told_with_its_cure(contract, top, sentence):
    found = faults(contract, top)
    assert list(found) == ["top"]
    assert found["top"].startswith(TOP)
    assert sentence in found["top"]


def test_a_forgotten_use_sim_time_is_told(contract):
    all_simulated = {name: simulated(12.5) for name in ("top", "wrist", "joint_states")}
    found = stamp_faults(contract, all_simulated)
    assert "the clock here is the wall clock: set 'use_sim_time: true'" in found["top"]
    assert len(found) == 3


def test_a_driver_on_the_wall_clock_beside_simulated_time_is_told(contract):
    now = 20 * SECOND
    rest = {"wrist": came(now=now), "joint_states": came(now=now)}
    found = stamp_faults(contract, {"top": came(-1.7e9, now), **rest})
    assert list(found) == ["top"]
    assert (
        "stamped by the wall clock, and the clock here is simulated time (19.90 s)" in found["top"]
    )
    assert "'use_sim_time: true' for what publishes it" in found["top"]


@pytest.mark.parametrize(
    ("key", "value", "top"),
    [
        ("stamp_offset_s", 0.9, came(0.9)),
        ("stamp", "arrival", zero()),
        ("stamp", "arrival", came(9)),
    ],
)
def test_the_key_of_the_sentence_cures_it(data, key, value, top):
    data["cameras"][0][key] = value
    assert faults(parse_contract(data, "file.yaml"), top) == {}


def test_what_is_in_order_is_not_told(contract):
    few_zeros = Came(came().arrivals, [0, *came().stamps[1:]])
    assert faults(contract, came(0.3, jitter_s=0.1)) == {}
    assert faults(contract, few_zeros) == {}
    assert stamp_faults(contract, {"top": Came([], [])}) == {}


def offsets(contract, **behind_s):
    found = StampOffsets(contract)
    for name, behind in behind_s.items():
        for arrival, stamp in zip(*came(behind, count=20), strict=True):
            found.take(name, stamp, arrival)
    return found.notes


def test_a_constant_offset_is_found_by_the_receive_times(contract):
    (note,) = offsets(contract, top=0.91, wrist=0.02, joint_states=0.01)
    assert note == (
        f"{TOP}: its stamps are 0.9 s behind its arrival, measured by those of /joint_states, "
        "and always as much: if its clock is off, write 'stamp_offset_s: 0.9' for it in the "
        "contract"
    )


def test_the_recorders_own_clock_may_be_off(contract):
    (note,) = offsets(contract, top=3600.0, wrist=3599.1, joint_states=3599.1)
    assert "'stamp_offset_s: 0.9'" in note


def test_an_offset_counts_beside_that_of_the_contract(data):
    data["cameras"][0]["stamp_offset_s"] = 0.9
    contract = parse_contract(data, "file.yaml")
    assert offsets(contract, top=0.9, joint_states=0.0) == []
    (note,) = offsets(contract, top=-0.1, joint_states=0.0)
    assert "1 s ahead of its arrival" in note
    assert "'stamp_offset_s: -0.1'" in note


def test_the_offset_of_a_clock_that_counts_from_its_own_start_has_its_hundredths(data):
    """As when a counter of microseconds with 32 bits has begun anew."""
    start_s = WALL / SECOND - 4300.0
    data["cameras"][0]["stamp_offset_s"] = start_s
    contract = parse_contract(data, "file.yaml")
    wrapped_s = start_s + 4294.97
    told = faults(contract, came(wrapped_s))["top"]
    assert f"'stamp_offset_s: {wrapped_s:.2f}'" in told


def test_delays_that_a_driver_may_have_are_no_offset(contract):
    assert offsets(contract, top=0.15, wrist=0.1, joint_states=0.0) == []
    moving = StampOffsets(contract)
    for k in range(40):
        moving.take("top", WALL - k * SECOND // 10, WALL)
        moving.take("joint_states", WALL - 1, WALL)
    assert moving.notes == []


def test_many_messages_cost_no_more_memory_than_some(contract):
    found = StampOffsets(contract)
    for k in range(20_000):
        found.take("top", WALL + k - SECOND, WALL + k)
        found.take("joint_states", WALL + k, WALL + k)
    assert len(found._delays["top"].kept) <= 4096
    assert "'stamp_offset_s: 1'" in found.notes[0]
