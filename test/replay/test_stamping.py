# SPDX-License-Identifier: Apache-2.0
"""A camera of another clock, replayed by stamps and by maps with what the contract says of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from recorded_robot import ATTENTION, MS, difference, observed, read, write_bag
from test_stamps import SIDE, STATES, restamped

from pam_ros.replay.errors import ReplayError
from pam_ros.replay.one_bag import replay_bag
from pam_ros.robot.stamps import stamp_nanoseconds

BEHIND = 900 * MS
OFFSET = "'stamp_offset_s: 0.9'"


@pytest.fixture
def told(settings, tmp_path):
    """The settings, with a key of one topic added to the contract."""

    def write(topic, key):
        lines = Path(settings.contract).read_text(encoding="utf-8").splitlines()
        place = next(n for n, line in enumerate(lines) if f"topic: {topic}" in line)
        if "{" in lines[place]:
            lines[place] = lines[place].replace(f"topic: {topic}", f"topic: {topic}, {key}")
        else:
            lines.insert(place, f"  {key}")
        file = tmp_path / f"told_{len(list(tmp_path.iterdir()))}.yaml"
        file.write_text("\n".join(lines))
        return replace(settings, contract=str(file))

    return write


def bag_of(tmp_path, topic, stamp_of, count=20):
    return write_bag(tmp_path / "odd", restamped(observed(count), topic, stamp_of))


def maps_of(folder):
    return read(folder, ATTENTION)


@pytest.fixture
def right(settings, tmp_path):
    """The maps of the recording whose topic has the right stamps."""

    def of(topic):
        messages = restamped(observed(20), topic, lambda stamp: stamp)
        replay_bag(write_bag(tmp_path / "right", messages), tmp_path / "right_maps", settings)
        return maps_of(tmp_path / "right_maps")

    return of


def restored(maps, camera, behind_ns):
    """The maps; what the camera itself said of its pictures put right."""
    for message in maps:
        (shown,) = [each for each in message.cameras if each.name == camera]
        assert stamp_nanoseconds(shown.header.stamp) + behind_ns == stamp_nanoseconds(
            message.header.stamp
        )
        shown.header.stamp = message.header.stamp
    return maps


def test_an_offset_is_found_and_named_where_no_set_fits(settings, tmp_path):
    bag = bag_of(tmp_path, SIDE, lambda stamp: stamp - BEHIND)
    with pytest.raises(ReplayError, match="no stamps of all sources") as caught:
        replay_bag(bag, tmp_path / "out", replace(settings, ignore_maps=True))
    assert f"camera 'side' ({SIDE}): its stamps are 0.9 s behind its arrival" in str(caught.value)
    assert OFFSET in str(caught.value)


def test_an_offset_is_noted_where_sets_of_wrong_moments_fit(settings, tmp_path):
    bag = bag_of(tmp_path, SIDE, lambda stamp: stamp - 300 * MS)
    report = replay_bag(bag, tmp_path / "out", settings)
    assert report.valid
    assert any(f"({SIDE})" in note and "'stamp_offset_s: 0.3'" in note for note in report.notes), (
        report.notes
    )


def test_the_offset_gives_the_maps_of_right_stamps_by_stamps_and_by_maps(told, tmp_path, right):
    settings = told(SIDE, "stamp_offset_s: 0.9")
    report = replay_bag(
        bag_of(tmp_path, SIDE, lambda stamp: stamp - BEHIND), tmp_path / "out", settings
    )
    assert (report.valid, report.notes) == (20, ())
    expected = right(SIDE)
    assert difference(restored(maps_of(tmp_path / "out"), "side", BEHIND), expected) < 1e-6
    again = replay_bag(tmp_path / "out", tmp_path / "again", settings)
    assert (again.valid, again.counts) == (20, {})
    assert difference(restored(maps_of(tmp_path / "again"), "side", BEHIND), expected) < 1e-6


def test_a_state_that_is_behind_is_found_again_by_its_own_stamp(told, tmp_path, right):
    settings = told(STATES, "stamp_offset_s: 0.9")
    bag = bag_of(tmp_path, STATES, lambda stamp: stamp - BEHIND)
    assert replay_bag(bag, tmp_path / "out", settings).valid == 20
    assert replay_bag(tmp_path / "out", tmp_path / "again", settings).valid == 20
    again = maps_of(tmp_path / "again")
    for message in again:
        own = stamp_nanoseconds(message.joint_state_stamp)
        assert own + BEHIND == stamp_nanoseconds(message.header.stamp)
        message.joint_state_stamp = message.header.stamp
    assert difference(again, right(STATES)) < 1e-6


@pytest.mark.parametrize("stamp", [0, 77], ids=["no stamp", "always the same"])
def test_pictures_by_their_arrival_need_no_stamp(told, tmp_path, stamp):
    settings = told(SIDE, "stamp: arrival")
    report = replay_bag(bag_of(tmp_path, SIDE, lambda _: stamp), tmp_path / "out", settings)
    assert report.valid >= 19
    assert "unstamped" not in report.counts
    maps = maps_of(tmp_path / "out")
    assert {stamp_nanoseconds(m.cameras[1].header.stamp) for m in maps} == {stamp}


@pytest.mark.parametrize("stamp", [0, 77], ids=["no stamp", "always the same"])
def test_a_tick_finds_pictures_without_stamps_by_their_arrival(told, tmp_path, stamp):
    settings = told(SIDE, "stamp: arrival")
    replay_bag(bag_of(tmp_path, SIDE, lambda _: stamp), tmp_path / "out", settings)
    again = replay_bag(tmp_path / "out", tmp_path / "again", settings)
    assert again.valid == len(maps_of(tmp_path / "out"))
    assert "incomplete" not in again.counts
    pictures = [tuple(m.cameras[1].cells) for m in maps_of(tmp_path / "again")]
    assert len(set(pictures)) > len(pictures) // 2
