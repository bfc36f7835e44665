# SPDX-License-Identifier: Apache-2.0
"""What recorded maps say of the commands."""

import pytest
from recorded_arm import (
    ALL_TYPES,
    action,
    as_float32,
    attention,
    command,
    export,
    observation,
    rows,
)
from recorded_robot import MS, START_NS, write_bag

from pam_ros.export.map_ticks import in_tick_order, was_commanded, window_of
from pam_ros.observations.recorded_tick import RecordedTick


def tick(number, episode=0, source=None, executed=True, received=0):
    source = number if source is None else source
    return RecordedTick(episode, number, {}, 90, received, source, executed, None)


def numbers(ticks):
    return [(one.episode, one.tick) for one in ticks]


def test_late_maps_are_put_in_their_place_and_doubled_ones_are_not_taken():
    ticks = [tick(0), tick(2), tick(3), tick(1), tick(3), tick(4, 1), tick(3, 1)]
    assert numbers(in_tick_order(ticks)) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 3), (1, 4)]


def test_a_node_that_starts_again_counts_anew():
    ticks = [*(tick(number) for number in range(150)), tick(0), tick(1)]
    assert numbers(in_tick_order(ticks))[-3:] == [(0, 149), (0, 0), (0, 1)]


def test_a_tick_is_commanded_by_its_own_chunk_or_by_the_queues():
    assert was_commanded(tick(4))
    assert was_commanded(tick(4, source=2, executed=False))
    assert not was_commanded(tick(4, executed=False))


def test_the_command_lies_before_the_map():
    own = window_of(tick(4, received=200), 150, last_map_ns=120)
    assert (own.after_ns, own.until_ns, own.stamp_ns, own.pick) == (120, 200, 90, "last")
    queued = window_of(tick(4, source=2, received=200), 150, last_map_ns=180)
    assert (queued.after_ns, queued.pick) == (150, "new")


@pytest.mark.parametrize("queued", [False, True])
def test_the_watchdogs_commands_shift_nothing(settings, tmp_path, queued):
    """The first pass takes a second; meanwhile the watchdog holds the robot ten times."""

    def told():
        for number in range(10):
            stamp = START_NS + number * 100 * MS
            yield from observation(number, stamp)
            yield from command(99, stamp + 70 * MS)
        for number in range(4):
            moment = START_NS + (1010 + 60 * number) * MS
            yield from command(number, moment)
            stamp = START_NS + (6 + number) * 100 * MS
            executed = number == 0 or not queued
            for topic, *rest, data in attention(number, stamp, moment + 2 * MS, commanded=executed):
                yield topic, *rest, source_of(data, 0 if queued else number)

    bag = write_bag(tmp_path / "bag", sorted(told(), key=lambda m: m[2]), ALL_TYPES)
    export([bag], tmp_path / "dataset", settings)
    assert rows(tmp_path / "dataset") == [(0, as_float32(action(number))) for number in range(4)]


def source_of(data, source):
    from recorded_robot import MESSAGES

    message = MESSAGES.decode(data, "pam_ros/msg/AttentionMap")
    message.command_source_tick = source
    return bytes(MESSAGES.encode(message, "pam_ros/msg/AttentionMap"))
