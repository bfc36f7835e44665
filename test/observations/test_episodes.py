# SPDX-License-Identifier: Apache-2.0
"""A bag of several episodes has them, whoever reads its observations."""

from __future__ import annotations

import pytest
from recorded_robot import ATTENTION, MESSAGES, MS, START_NS, TYPES, observed, write_bag

from pam_ros.observations.bag import BagSource
from pam_ros.observations.episodes import _Map, _with_runs
from pam_ros.observations.reading import Reading
from pam_ros.robot.stamps import set_stamp
from pam_ros.sae.collect.collector import collect
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler

MAP = "pam_ros/msg/AttentionMap"
#: Which episode each tick of the node was of; the tick at 3 was another program's.
NUMBERS = (4, 4, 4, None, 5, 5, 7, 7)


def attention(tick: int, episode: int, stamp_ns: int) -> bytes:
    message = MESSAGES.new(MAP)
    set_stamp(message.header.stamp, stamp_ns)
    message.tick, message.episode = tick, episode
    return bytes(MESSAGES.encode(message, MAP))


def with_maps(numbers, *, late=()):
    """Observations, and a map for each that has an episode; `late` maps come after all others."""
    found = list(observed(len(numbers)))
    for tick, number in enumerate(numbers):
        if number is not None:
            stamp = START_NS + tick * 100 * MS
            received = stamp + (20_000 * MS if tick in late else 60 * MS)
            found.append((ATTENTION, stamp, received, attention(tick, number, stamp)))
    return sorted(found, key=lambda one: one[2])


@pytest.mark.parametrize("clock_ns", [0, -10_000_000 * MS])
def test_a_node_started_again_has_episodes_of_its_own(contract, policy, tmp_path, clock_ns):
    """The clock goes on, or begins anew with it: what was recorded first comes first."""
    found = with_maps((0, 0, 1))
    for tick, number in enumerate((0, 0, 0, 1)):
        stamp = START_NS + (3 + tick) * 100 * MS
        found.append((ATTENTION, stamp, stamp + 60 * MS, attention(tick, number, stamp)))
    maps = [_Map(tick, number, 5 + tick) for tick, number in enumerate((0, 0, 1))]
    later = [_Map(tick, number, 8 + tick + clock_ns) for tick, number in enumerate((0, 0, 0, 1))]
    assert [run for run, _ in _with_runs([*maps, *later])] == [0, 0, 0, 1, 1, 1, 1]
    if clock_ns:
        return
    shown = observed(7)
    maps_alone = [one for one in found if one[0] == ATTENTION]
    bag = write_bag(tmp_path / "run", [*shown, *maps_alone], {**TYPES, ATTENTION: MAP})
    source = BagSource(policy, [bag], Reading(contract=contract))
    assert source.lengths() == {0: 2, 1: 1, 2: 3, 3: 1}


def test_a_late_map_is_no_new_run():
    maps = [_Map(500, 3, 10), _Map(502, 3, 30), _Map(501, 3, 20), _Map(503, 4, 40)]
    assert {run for run, _ in _with_runs(maps)} == {0}


def test_the_maps_of_a_node_of_another_name_tell_as_well(contract, policy, tmp_path):
    other, third = "/left/pam_ros/attention", "/right/pam_ros/attention"
    found = with_maps(NUMBERS)
    renamed = [(other if one[0] == ATTENTION else one[0], *one[1:]) for one in found]
    bag = write_bag(tmp_path / "one", renamed, {**TYPES, other: MAP})
    source = BagSource(policy, [bag], Reading(contract=contract))
    assert source.lengths() == {0: 4, 1: 2, 2: 2}
    both = [*renamed, *((third, *one[1:]) for one in found if one[0] == ATTENTION)]
    bag = write_bag(tmp_path / "two", both, {**TYPES, other: MAP, third: MAP})
    source = BagSource(policy, [bag], Reading(contract=contract))
    assert source.lengths() == {0: 8}
    said = "/left/pam_ros and /right/pam_ros both have maps: neither says which episodes there are"
    assert any(said in sentence for sentence in source._told)


def bag_of(path, numbers, **options):
    return write_bag(path, with_maps(numbers, **options), {**TYPES, ATTENTION: MAP})


def places(frames) -> list[tuple[int, int]]:
    return [(frame.episode, frame.frame) for frame in frames]


ALL = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (2, 0), (2, 1)]


@pytest.mark.parametrize("late", [(), (2, 4)])
def test_the_maps_say_which_episode_a_frame_is_of(contract, policy, tmp_path, late):
    bag = bag_of(tmp_path / "run", NUMBERS, late=late)
    source = BagSource(policy, [bag], Reading(contract=contract))
    assert places(source.frames(None)) == ALL
    assert places(source.frames((0, 3))) == ALL[4:]
    assert source.lengths() == {0: 4, 1: 2, 2: 2}
    (frame,) = source.chosen([(2, 1)])
    assert frame.stamp_ns == START_NS + 700 * MS


def test_episodes_are_counted_through_all_bags(contract, policy, tmp_path):
    plain = write_bag(tmp_path / "plain", observed(2))
    bags = [bag_of(tmp_path / "one", (0, 1)), plain, bag_of(tmp_path / "two", (0, 0, 1))]
    source = BagSource(policy, bags, Reading(contract=contract))
    assert source.lengths() == {0: 1, 1: 1, 2: 2, 3: 2, 4: 1}
    assert places(source.frames((2, 0))) == [(2, 1), (3, 0), (3, 1), (4, 0)]
    assert places(source.chosen([(4, 0), (1, 0)])) == [(1, 0), (4, 0)]


@pytest.mark.parametrize(("count", "lengths", "bags"), [(1, {0: 4}, "one"), (4, None, "one, two")])
def test_so_many_episodes_from_the_first(contract, policy, tmp_path, count, lengths, bags):
    paths = [bag_of(tmp_path / "one", NUMBERS), bag_of(tmp_path / "two", (0, 1))]
    source = BagSource(policy, paths, Reading(contract=contract), count)
    assert source.lengths() == (lengths or {0: 4, 1: 2, 2: 2, 3: 1})
    assert len(places(source.frames(None))) == sum(source.lengths().values())
    assert source.dataset == f"rosbags {bags} ({source.contract.robot})"


def test_a_store_of_tokens_has_the_episodes_of_its_bag(contract, policy, tmp_path):
    source = BagSource(policy, [bag_of(tmp_path / "run", NUMBERS)], Reading(contract=contract))
    collect(policy, source, parse_sampler("all"), tmp_path / "tokens")
    store = TokenStore(tmp_path / "tokens")
    shards = [store.read(index) for index in range(len(store.shards))]
    found = {
        (int(episode), int(frame))
        for shard in shards
        for episode, frame in zip(shard.episode, shard.frame, strict=True)
    }
    assert sorted(found) == ALL
