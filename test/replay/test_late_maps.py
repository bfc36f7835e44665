# SPDX-License-Identifier: Apache-2.0
"""Maps that were recorded after those of later ticks change neither replay nor features."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recorded_robot import ATTENTION, MS, difference, read
from test_features import FEATURES, write_sae

from pam_ros.bags import BagReader, BagWriter
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag

MAP = "pam_ros/msg/AttentionMap"


@pytest.fixture
def recorded(bag, settings, tmp_path):
    """A recording with a map for each of its eleven ticks."""
    replay_bag(bag, tmp_path / "recorded", replace(settings, method="cross_attention"))
    return tmp_path / "recorded"


def rewritten(recorded, path, received):
    """The same, whose map of tick k was received at received(k, then) [ns]."""
    with BagReader(recorded) as reader:
        messages = []
        for one in reader.messages():
            at = one.stamp_ns
            if one.topic == ATTENTION:
                at = received(int(reader.decode(one).tick), at)
            messages.append((at, one))
        messages.sort(key=lambda item: item[0])
        with BagWriter(path) as writer:
            for topic in reader.topics.values():
                writer.add_topic(topic.name, topic.type)
            for at, one in messages:
                writer.write(one.topic, one.data, at)
    return path


def swapped(tick, at):
    """Those of ticks 4 and 5 change places."""
    return at + {4: 100, 5: -100}.get(tick, 0) * MS


def late(tick, at):
    """Passes of ticks 2 and 6 take three and a half periods, and there is no other meanwhile."""
    return at + (350 * MS if tick in (2, 6) else 0)


@pytest.mark.parametrize("received", [swapped, late])
def test_the_replay_is_the_same(recorded, settings, tmp_path, received):
    sha256 = load_policy(settings.policy, device="cpu").spec.sha256
    settings = replace(settings, sae=write_sae(tmp_path / "sae", sha256))
    one, other = tmp_path / "one", tmp_path / "other"
    expected = replay_bag(recorded, one, settings)
    moved = rewritten(recorded, tmp_path / "moved", received)
    numbers = [message.tick for message in read(moved, ATTENTION)]
    assert numbers != sorted(numbers)
    found = replay_bag(moved, other, settings)
    assert (found.ticks, found.valid, found.counts) == (11, 11, expected.counts)
    maps = read(other, ATTENTION)
    assert [message.tick for message in maps] == list(range(11))
    assert difference(maps, read(one, ATTENTION)) == 0
    for topic in ("/act_attention/predicted_command", "/act_attention/predicted_chunk"):
        assert repr(read(other, topic)) == repr(read(one, topic))
    features = read(other, FEATURES)
    assert repr(features) == repr(read(one, FEATURES))
    assert [message.lost_ticks for message in features] == [0] * 11
    with BagReader(other) as reader:
        stamps = [message.stamp_ns for message in reader.messages([ATTENTION])]
    assert stamps == sorted(stamps)


def test_a_tick_whose_messages_no_map_names_is_not_given_those_that_came_with_its_late_map():
    from pam_ros.bags.messages import Messages
    from pam_ros.replay.recorded import RecordedTicks
    from pam_ros.robot.stamps import set_stamp

    recorded = RecordedTicks()
    for tick, received in ((0, 10), (2, 230), (1, 290), (3, 310)):
        message = Messages().new(MAP)
        message.tick = tick
        set_stamp(message.header.stamp, 100 * tick)
        recorded.take(message, received)
    recorded.put_in_order()
    assert [(one.tick, one.received_ns) for one in recorded.ticks] == [
        (0, 10), (1, 230), (2, 230), (3, 310),
    ]  # fmt: skip
