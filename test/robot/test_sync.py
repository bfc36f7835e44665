# SPDX-License-Identifier: Apache-2.0
"""Synchronising: the newest agreeing set, against brute force, and what happens to the rest."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.robot import ENVIRONMENT, STATE, Synchroniser, parse_contract

MS = 1_000_000
T0 = 1_000_000 * MS


def make(sources=("top", "joints"), tolerance_s=0.05, max_age_s=0.5, **options) -> Synchroniser:
    return Synchroniser(sources, tolerance_s, max_age_s, **options)


def feed(sync: Synchroniser, source: str, *milliseconds: int) -> None:
    for ms in milliseconds:
        sync.add(source, T0 + ms * MS, f"{source}@{ms}")


def newest(sync: Synchroniser, ms: int):
    """The newest set as {source: milliseconds}, or None."""
    found = sync.newest(T0 + ms * MS)
    if found is None:
        return None
    for source, stamp in found.stamps.items():
        assert found.messages[source] == f"{source}@{(stamp - T0) // MS}"
    assert found.stamp_ns == max(found.stamps.values())
    assert found.oldest_ns == min(found.stamps.values())
    return {source: (stamp - T0) // MS for source, stamp in found.stamps.items()}


def test_the_newest_message_of_each_source_is_taken_where_they_agree():
    sync = make()
    feed(sync, "top", 0, 33, 66)
    feed(sync, "joints", *range(0, 80, 10))
    assert newest(sync, 80) == {"top": 66, "joints": 70}
    assert sync.reason == ""


def test_a_late_camera_is_met_by_older_joint_states():
    sync = make()
    feed(sync, "joints", *range(0, 300, 10))
    feed(sync, "top", 100)
    assert newest(sync, 300) == {"top": 100, "joints": 150}


def test_a_camera_that_is_one_frame_ahead_does_not_break_the_set():
    sync = make(("top", "wrist", "joints"), tolerance_s=0.02)
    feed(sync, "top", 0, 100)
    feed(sync, "wrist", 5)
    feed(sync, "joints", 0, 10, 90, 100)
    assert newest(sync, 100) == {"top": 0, "wrist": 5, "joints": 10}
    feed(sync, "wrist", 105)
    assert newest(sync, 110) == {"top": 100, "wrist": 105, "joints": 100}


stamps = st.lists(st.integers(1, 40), min_size=0, max_size=6, unique=True)


@given(st.tuples(stamps, stamps, stamps), st.integers(0, 15))
@settings(max_examples=200)
def test_the_set_is_the_componentwise_newest_of_all_that_agree(lists, tolerance):
    names = ("a", "b", "c")
    sync = make(names, tolerance_s=tolerance / 1000, max_age_s=1.0)
    for name, values in zip(names, lists, strict=True):
        feed(sync, name, *values)
    agreeing = [choice for choice in product(*lists) if max(choice) - min(choice) <= tolerance]
    found = newest(sync, 40)
    if not agreeing:
        assert found is None
    else:
        best = tuple(max(column) for column in zip(*agreeing, strict=True))
        assert best in agreeing
        assert found == dict(zip(names, best, strict=True))


def test_the_same_set_is_never_handed_out_twice():
    sync = make()
    feed(sync, "top", 0)
    feed(sync, "joints", 0)
    assert newest(sync, 1) is not None
    assert newest(sync, 2) is None
    assert sync.reason == "nothing new from any source"
    assert sync.counts["repeated"] == 1
    feed(sync, "joints", 10)
    assert newest(sync, 11) == {"top": 0, "joints": 10}


def test_a_trigger_camera_gives_one_set_per_image():
    sync = make(trigger="top")
    feed(sync, "top", 0)
    feed(sync, "joints", 0)
    assert newest(sync, 1) == {"top": 0, "joints": 0}
    feed(sync, "joints", 10, 20)
    assert newest(sync, 21) is None
    assert sync.reason == "nothing new from top"
    feed(sync, "top", 33)
    assert newest(sync, 34) == {"top": 33, "joints": 20}


def test_a_trigger_image_waits_for_the_other_camera():
    sync = make(("top", "wrist"), tolerance_s=0.01, trigger="top")
    feed(sync, "top", 0, 33)
    feed(sync, "wrist", 1)
    assert newest(sync, 34) == {"top": 0, "wrist": 1}
    assert newest(sync, 35) is None
    feed(sync, "wrist", 34)
    assert newest(sync, 36) == {"top": 33, "wrist": 34}


def test_a_missing_source_is_named():
    sync = make(("top", "wrist", "joints"))
    assert "no message yet from top, wrist, joints" in sync.reason
    feed(sync, "top", 0)
    assert newest(sync, 1) is None
    assert sync.reason == "no message from wrist, joints"
    assert sync.counts["waiting"] == 1


def test_a_stale_source_is_named_with_its_age_and_recovers():
    sync = make()
    feed(sync, "top", 0)
    feed(sync, "joints", 0)
    assert newest(sync, 501) is None
    assert sync.reason == "top is 0.50 s old; at most 0.5 s is used"
    assert sync.counts["stale"] == 1
    feed(sync, "top", 600)
    feed(sync, "joints", 600)
    assert newest(sync, 610) == {"top": 600, "joints": 600}


def test_a_camera_that_stopped_is_named_while_joints_go_on():
    sync = make()
    feed(sync, "top", 0)
    feed(sync, "joints", *range(0, 2000, 10))
    assert newest(sync, 2000) is None
    assert "top is 1.99" in sync.reason or "top is 2.00" in sync.reason
    assert sync.counts["unmatched"] + sync.counts["stale"] == 1


def test_images_of_the_trigger_that_a_slow_tick_passes_over_are_counted_once():
    sync = make(trigger="top")
    feed(sync, "top", 0)
    feed(sync, "joints", 0)
    assert newest(sync, 10) == {"top": 0, "joints": 0}
    feed(sync, "top", 100, 200, 300)
    feed(sync, "joints", 100, 200, 300)
    assert newest(sync, 310) == {"top": 300, "joints": 300}
    assert sync.counts["skipped"] == 2
    # So late that they are forgotten before the next set: these are passed over too.
    feed(sync, "top", 400, 500, 1000)
    feed(sync, "joints", 400, 500, 1000)
    assert newest(sync, 1200) == {"top": 1000, "joints": 1000}
    assert sync.counts["skipped"] == 4
    assert newest(sync, 1210) is None
    assert sync.counts["skipped"] == 4
    # What an episode's end forgets is passed over too, and nothing twice.
    feed(sync, "top", 1100, 1200)
    sync.clear()
    assert sync.counts["skipped"] == 6
    sync.clear()
    assert sync.counts["skipped"] == 6


def test_out_of_order_messages_are_sorted_in_and_counted():
    sync = make(("top", "wrist"), tolerance_s=0.005)
    feed(sync, "top", 0, 66, 33)
    feed(sync, "wrist", 33)
    assert newest(sync, 70) == {"top": 33, "wrist": 33}
    assert sync.counts["out_of_order"] == 1


def test_a_stamp_seen_before_is_dropped_and_counted():
    sync = make()
    feed(sync, "top", 0, 0, 0)
    assert sync.counts["duplicate"] == 2
    assert sync.counts["received"] == 3


@pytest.mark.parametrize("stamp", [0, -5])
def test_a_message_without_a_stamp_is_not_used(stamp):
    sync = make()
    sync.add("top", stamp, "picture")
    feed(sync, "joints", 0)
    assert newest(sync, 1) is None
    assert sync.counts["unstamped"] == 1


def test_a_stamp_far_in_the_future_is_dropped_and_does_not_stop_the_source():
    sync = make()
    feed(sync, "top", 0, 3_600_000)
    feed(sync, "joints", 0)
    assert newest(sync, 1) == {"top": 0, "joints": 0}
    assert sync.counts["future"] == 1
    feed(sync, "top", 3_600_000, 100)  # the next real one arrives before the next tick
    feed(sync, "joints", 100)
    assert newest(sync, 101) == {"top": 100, "joints": 100}


def test_a_clock_that_begins_anew_clears_the_buffers_and_goes_on():
    sync = make()
    feed(sync, "top", 100_000, 100_100)
    feed(sync, "joints", 100_000, 100_100)
    assert newest(sync, 100_100) is not None
    feed(sync, "top", 10)
    assert sync.counts["clock_reset"] == 1
    assert newest(sync, 10) is None  # the joints' stamps are of the old time
    feed(sync, "joints", 20)
    assert newest(sync, 20) == {"top": 10, "joints": 20}


def test_the_same_stamps_after_a_reset_are_a_new_set():
    sync = make()
    for _ in range(2):
        sync.clear()
        feed(sync, "top", 10)
        feed(sync, "joints", 10)
        assert newest(sync, 11) == {"top": 10, "joints": 10}


@pytest.mark.parametrize("step", [0, 1, 7])
def test_memory_is_bounded_under_a_flood(step):
    sync = make(depth={"top": 4, "joints": 16})
    for index in range(3000):
        feed(sync, "top", index * step)
        feed(sync, "joints", index * step)
        assert len(sync._sources["top"].stamps) <= 4
        assert len(sync._sources["joints"].stamps) <= 16
        assert len(sync._sources["joints"].messages) == len(sync._sources["joints"].stamps)
    if step:
        assert sync.counts["overflow"] > 2000
        assert newest(sync, 2999 * step) is not None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3000), st.booleans()), max_size=60))
@settings(max_examples=200)
def test_whatever_arrives_sets_agree_are_fresh_and_never_repeat(events):
    sync = make(("a", "b"), tolerance_s=0.02, max_age_s=0.3)
    last = None
    for source, ms, ask in events:
        feed(sync, source, ms)
        if ask:
            found = newest(sync, ms)
            if found is not None:
                assert abs(found["a"] - found["b"]) <= 20
                assert all(abs(ms - stamp) <= 300 for stamp in found.values())
                assert found != last
                last = found
    assert sync.counts["received"] == len(events)


def test_a_contract_names_the_sources(data):
    data["environment"] = {"topic": "/environment"}
    data["trigger"] = "wrist"
    sync = Synchroniser.for_contract(parse_contract(data, "file.yaml"))
    for source in ("top", "wrist", STATE, ENVIRONMENT):
        sync.add(source, T0, source)
    assert set(sync.newest(T0).messages) == {"top", "wrist", STATE, ENVIRONMENT}
    sync.add("top", T0 + MS, "top")
    assert sync.newest(T0 + MS) is None
    assert sync.reason == "nothing new from wrist"


def test_wrong_sources_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="none twice"):
        make(("top", "top"))
    with pytest.raises(ValueError, match="trigger 'front'"):
        make(trigger="front")
