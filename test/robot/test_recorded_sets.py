# SPDX-License-Identifier: Apache-2.0
"""A recording's sets are those of the live synchroniser, whatever its stamps do."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.observations.recorded_sets import RecordedSets
from pam_ros.robot import ENVIRONMENT, STATE, Synchroniser, parse_contract

MS = 1_000_000
S = 1000 * MS
T0 = 1_700_000_000 * S
Message = namedtuple("Message", "source stamp received")


@pytest.fixture
def triggered(contract):
    return replace(contract, trigger="top")


def recording(frames=60, start=T0, period=70 * MS, delays=None, received=None):
    """Two cameras and joint states of the same stamps; delays: from stamp to reception, each."""
    delays = delays or {"top": 3 * MS, "wrist": 4 * MS, STATE: 5 * MS}
    lag = 0 if received is None else received - start
    messages = [
        Message(source, start + frame * period, start + frame * period + delay + lag)
        for frame in range(frames)
        for source, delay in delays.items()
    ]
    return sorted(messages, key=lambda message: message.received)


def moved(messages, source, by_s, first=20, last=20):
    """The stamps of some messages of a source, from `first` to `last`, are this far off."""
    places = [place for place, message in enumerate(messages) if message.source == source]
    changed = list(messages)
    for place in places[first : last + 1]:
        stamp = 0 if by_s is None else messages[place].stamp + round(by_s * S)
        changed[place] = messages[place]._replace(stamp=stamp)
    return changed


def live(contract, messages):
    """What the node looks at: a call after every message, at the time of its reception."""
    synchroniser = Synchroniser.for_contract(contract)
    found = []
    for message in messages:
        synchroniser.add(message.source, message.stamp, message)
        seen = synchroniser.newest(message.received)
        if seen is not None:
            found.append(seen.stamps)
    return found


def recorded(contract, messages, **options):
    sets = RecordedSets(contract, **options)
    found = [one for message in messages for one in sets.add(*message, message)]
    return sets, found + list(sets.end())


def stamps(found):
    return [one.seen.stamps for one in found]


WRONG = {
    "one wrist image five seconds ahead": ("wrist", 5.0, 20, 20),
    "one image of the trigger five seconds ahead": ("top", 5.0, 20, 20),
    "the very first image an hour ahead": ("top", 3600.0, 0, 0),
    "the very last image an hour ahead": ("top", 3600.0, 59, 59),
    "the first joint state far behind": (STATE, -3600.0, 0, 0),
    "one joint state more than max_age ahead": (STATE, 0.8, 20, 20),
    "one wrist image a little ahead": ("wrist", 0.4, 20, 20),
    "one wrist image five seconds behind": ("wrist", -5.0, 20, 20),
    "three wrist images in a row ahead": ("wrist", 5.0, 20, 22),
    "a clock that was set back in the middle": ("wrist", -5.0, 20, 59),
    "a clock that was set forward in the middle": ("wrist", 5.0, 20, 59),
    "a clock that was set forward and back again": ("wrist", 5.0, 20, 40),
    "a camera that is behind from the start": ("wrist", -5.0, 0, 59),
    "a few images without a stamp": ("top", None, 20, 23),
    "joint states without any stamp": (STATE, None, 0, 59),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_stamp_of_one_source_costs_what_it_costs_live_and_no_episode(triggered, wrong):
    messages = moved(recording(), *wrong)
    sets, found = recorded(triggered, messages)
    assert stamps(found) == live(triggered, messages)
    assert not any(one.restart for one in found)
    assert "clock_jump" not in sets.counts


@pytest.mark.parametrize("by_s", [5.0, -5.0, 0.8, 0.4, None])
@pytest.mark.parametrize("source", ["top", "wrist", STATE])
def test_one_wrong_stamp_costs_one_set_at_most(triggered, source, by_s):
    sets, found = recorded(triggered, moved(recording(), source, by_s))
    assert len(found) == 59
    # That message, by whatever cause, and the image of the trigger that it leaves alone.
    assert set(sets.counts.values()) == {1}


def test_joint_states_are_taken_as_new_as_the_node_had_them(triggered):
    """A camera that needs 40 ms meets joint states that are newer than its image."""
    messages = recording(delays={"top": 40 * MS, "wrist": 41 * MS})
    messages += [
        Message(STATE, stamp, stamp + MS) for stamp in range(T0 + 5 * MS, T0 + 4 * S, 10 * MS)
    ]
    messages.sort(key=lambda message: message.received)
    found = stamps(recorded(triggered, messages)[1])
    assert found == live(triggered, messages)
    assert found[5][STATE] - found[5]["top"] == 35 * MS


def test_a_message_that_comes_twice_is_used_once(triggered):
    messages = [message for message in recording() for _ in range(2)]
    sets, found = recorded(triggered, messages)
    assert stamps(found) == live(triggered, messages)
    assert sets.counts == {"duplicate": 180}


@pytest.mark.parametrize("pause_s", [0.6, 3.0, 3600.0])
def test_a_pause_of_all_sources_is_no_jump_of_the_clock(triggered, pause_s):
    messages = recording() + recording(start=T0 + 59 * 70 * MS + round(pause_s * S))
    sets, found = recorded(triggered, messages)
    assert stamps(found) == live(triggered, messages)
    assert len(found) == 120
    assert sets.counts == {}


@pytest.mark.parametrize("start", [T0, T0 - 3600 * S, 10 * MS], ids=["loop", "hour", "simulated"])
@pytest.mark.parametrize("in_flight", [0, 1, 2])
def test_where_all_sources_begin_anew_an_episode_begins(triggered, start, in_flight):
    first = recording()
    again = recording(start=start, received=first[-1].received + 10 * MS)
    # The last messages of the old time are recorded after the first ones of the new time.
    cut = len(first) - in_flight
    messages = first[:cut] + again[:1] + first[cut:] + again[1:]
    sets, found = recorded(triggered, messages)
    assert [one.restart for one in found].index(True) in {59, 60}
    assert sum(one.restart for one in found) == 1
    assert len(found) >= 118
    assert sets.counts["clock_jump"] == 1


def test_a_message_that_was_recorded_late_is_still_met_by_the_others(triggered):
    messages = recording()
    places = [place for place, message in enumerate(messages) if message.source == STATE]
    for late, after in ((20, 21), (40, 44)):
        message = messages.pop(places[late])
        messages.insert(places[after], message)
    sets, found = recorded(replace(triggered, sync_tolerance_s=0.01), messages)
    assert [one["top"] for one in stamps(found)] == [T0 + frame * 70 * MS for frame in range(60)]
    assert sets.counts == {"out_of_order": 2}


def test_at_a_rate_one_wrong_stamp_costs_no_more_than_its_own_sets(contract):
    whole = stamps(recorded(contract, recording(), rate_hz=20.0)[1])
    for by_s in (5.0, -5.0, 0.4):
        found = stamps(recorded(contract, moved(recording(), "wrist", by_s), rate_hz=20.0)[1])
        assert len(whole) - 2 <= len(found) <= len(whole)
        assert all(one in whole or one[STATE] - one["wrist"] <= 50 * MS for one in found)


def test_an_environment_has_the_time_of_its_arrival(data):
    data |= {"environment": {"topic": "/environment"}, "trigger": "top"}
    messages = recording(delays={ENVIRONMENT: MS, "top": 3 * MS, "wrist": 4 * MS, STATE: 5 * MS})
    messages = [m._replace(stamp=0) if m.source == ENVIRONMENT else m for m in messages]
    sets, found = recorded(parse_contract(data, "file.yaml"), messages)
    assert len(found) == 60
    assert sets.counts == {}


def test_bags_whose_receptions_say_nothing_are_kept_in_bounds(triggered):
    sets = RecordedSets(triggered)
    for message in recording(frames=1000):
        list(sets.add(message.source, message.stamp, 0, message))
        assert len(sets._line._line) <= 400
    assert len(list(sets.end())) >= 100


sources = st.sampled_from(["top", "wrist", STATE])
off_s = st.one_of(st.none(), st.floats(2, 60), st.floats(-60, -2))
delay = st.integers(0, 40 * MS)


@given(
    st.tuples(delay, delay, delay),
    st.lists(st.tuples(sources, off_s, st.integers(0, 19)), max_size=4),
)
def test_whatever_single_stamps_do_the_sets_are_those_of_the_live_node(delays, wrong):
    contract = parse_contract(RANDOM, "random.yaml")
    messages = recording(delays=dict(zip(("top", "wrist", STATE), delays, strict=True)))
    # Far enough apart that each is a single one.
    for source, by_s, place in wrong:
        messages = moved(messages, source, by_s, 3 * place, 3 * place)
    sets, found = recorded(contract, messages)
    assert stamps(found) == live(contract, messages)
    assert "clock_jump" not in sets.counts


RANDOM = {
    "robot": "two_joints", "rate_hz": 10, "trigger": "top", "sync_tolerance_s": 0.05,
    "max_age_s": 0.5,
    "cameras": [
        {"name": name, "topic": f"/{name}/image_raw", "type": "sensor_msgs/msg/Image",
         "feature": f"observation.images.{name}"}
        for name in ("top", "wrist")
    ],
    "state": {"topic": "/joint_states", "joints": [{"name": "shoulder", "limits": [-1.0, 1.0]}]},
    "command": {"topic": "/joint_commands", "type": "sensor_msgs/msg/JointState",
                "max_velocity": 2.0},
}  # fmt: skip


def test_why_there_is_no_set_names_source_stamps_and_cure(triggered):
    sets, found = recorded(triggered, moved(recording(), STATE, None, 0, 59))
    assert not found
    assert sets.why_none() == (
        "all 60 messages on /joint_states have the stamp 0, and sets are put together by stamps: "
        "let what publishes them set header.stamp, and record again, or write 'stamp: arrival' for "
        "them in the contract"
    )
    sets, found = recorded(triggered, [m for m in recording() if m.source != "wrist"])
    assert not found
    assert sets.why_none().startswith("no message came on /wrist/image_raw: record all topics")
    sets, found = recorded(triggered, moved(recording(), "wrist", -5.0, 0, 59))
    assert not found
    assert "within 0.05 s of each other: /top/image_raw from 1700000000.000 to" in sets.why_none()
    assert "/wrist/image_raw from 1699999995.000 to 1699999999.130 s" in sets.why_none()
    assert sets.why_none().endswith("or raise the contract's sync_tolerance_s")
