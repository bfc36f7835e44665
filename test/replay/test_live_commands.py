# SPDX-License-Identifier: Apache-2.0
"""A replay says of chunks and commands what the live run did, whichever execution it had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from live_run import live_run
from recorded_robot import ATTENTION, START_NS, counts, difference, read
from test_one_bag import stop_in_batch

from pam_ros.bags import BagReader, BagWriter
from pam_ros.replay import one_bag
from pam_ros.replay.one_bag import replay_bag
from pam_ros.robot.stamps import stamp_nanoseconds

COMMAND = "/act_attention/predicted_command"
TICKS = 40


def varied(tick):
    """One to three ticks; one that outlasts its chunk of four."""
    return 6 if tick == 20 else 1 + tick % 3


RUNS = {
    "async": {"passes": varied, "ahead": True},
    "async, quick": {"passes": lambda _: 1, "ahead": True},
    "async, disabled and reset": {
        "passes": varied, "ahead": True, "looking": {0, 1, 2, 12, 13, 30}, "resets": {24},
    },
    "blocking": {"passes": lambda tick: 1 + tick % 3, "ahead": False},
    "blocking, disabled and reset": {
        "passes": lambda _: 2, "ahead": False, "looking": {0, 1, 12, 13}, "resets": {22},
    },
}  # fmt: skip


@pytest.fixture(params=RUNS)
def run(request, settings, tmp_path):
    return live_run(tmp_path / "live", settings, TICKS, **RUNS[request.param])


def commands(path):
    """The positions of predicted commands by tick."""
    found = {}
    for message in read(path, COMMAND):
        found[round((stamp_nanoseconds(message.header.stamp) - START_NS) / 1e8)] = message.position
    return found


def chunks_of(message):
    return (
        message.tick, message.episode, message.command_source_tick, message.chunk_executed,
    )  # fmt: skip


def test_sources_flags_and_commands_are_those_of_the_live_run(run, settings, tmp_path):
    live = run.by_tick()
    assert sorted(live) == list(range(TICKS))
    report = replay_bag(run.bag, tmp_path / "out", settings)
    assert (report.ticks, report.valid, report.counts) == (TICKS, TICKS, {})
    maps = read(tmp_path / "out", ATTENTION)
    assert [chunks_of(one) for one in maps] == [chunks_of(live[k]) for k in range(TICKS)]
    for message in maps:
        mine = live[message.tick]
        if mine.valid:
            assert message.first_executed_tick == mine.first_executed_tick
            cells = np.asarray(mine.cameras[0].cells)
            assert np.abs(message.cameras[0].cells - cells).max() <= 1e-6
    found = commands(tmp_path / "out")
    for tick, action in run.actions.items():
        assert np.abs(found.pop(tick) - action).max() <= 1e-6
    # While the robot was disabled a replay says what the policy would have asked for.
    assert all(live[tick].command_source_tick == tick for tick in found)
    assert not any(live[tick].chunk_executed or live[tick].inference_skipped for tick in found)


def test_a_replay_of_the_replay_is_the_same_again(run, settings, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    replay_bag(run.bag, once, settings)
    report = replay_bag(once, twice, settings)
    assert (report.valid, report.counts) == (TICKS, {})
    assert difference(read(once, ATTENTION), read(twice, ATTENTION)) <= 1e-6
    one, other = commands(once), commands(twice)
    assert one.keys() == other.keys()
    assert all(np.abs(one[tick] - other[tick]).max() <= 1e-6 for tick in one)


def test_the_run_holds_what_is_to_be_told_apart(settings, tmp_path):
    run = live_run(tmp_path / "live", settings, TICKS, **RUNS["async"])
    live = run.by_tick()
    dry = [k for k in range(TICKS) if k not in run.actions]
    assert dry and all(live[k].command_source_tick == k for k in dry)
    assert any(live[k].inference_skipped for k in dry)
    assert any(live[k].chunk_executed for k in dry)
    too_late = live[20]
    assert (too_late.valid, too_late.chunk_executed) == (True, False)
    assert too_late.first_executed_tick >= 24
    late = [k for k in range(TICKS) if live[k].chunk_executed and live[k].command_source_tick < k]
    assert late and all(live[k].first_executed_tick > k for k in late)
    order = [message.tick for message in run.maps]
    assert order != sorted(order)


@pytest.mark.parametrize(("name", "batch"), [("async, quick", 3), ("async, disabled and reset", 5)])
def test_a_stopped_replay_of_it_resumes_close_by_and_ends_as_if_it_had_not_been(
    settings, tmp_path, monkeypatch, name, batch
):
    run = live_run(tmp_path / "live", settings, TICKS, **RUNS[name])
    settings = replace(settings, batch=batch, part_seconds=0.0, method="cross_attention")
    whole, out = tmp_path / "whole", tmp_path / "out"
    replay_bag(run.bag, whole, settings)
    stop_in_batch(30 // batch, monkeypatch, run.bag, out, settings)
    runs, again = one_bag.Ticker.run, []

    def counted(self, batch, *asked):
        again.extend(index for index, _ in batch)
        return runs(self, batch, *asked)

    monkeypatch.setattr(one_bag.Ticker, "run", counted)
    report = replay_bag(run.bag, out, settings)
    assert (report.ticks, report.counts) == (TICKS, {})
    assert report.ran <= TICKS - 30 + 2 * batch
    # No more than the chunks that are looked back at: chunk_size is 8.
    assert len(again) <= report.ran + 8 + batch
    assert difference(read(whole, ATTENTION), read(out, ATTENTION)) <= 1e-6
    assert counts(whole) == counts(out)
    one, other = commands(whole), commands(out)
    assert one.keys() == other.keys()
    assert all(np.abs(one[tick] - other[tick]).max() <= 1e-6 for tick in one)


def test_a_chunk_whose_tick_the_recording_lacks_commands_nothing(settings, tmp_path):
    run = live_run(tmp_path / "live", settings, TICKS, **RUNS["async, quick"])
    live = run.by_tick()
    source = next(k for k in sorted(live) if k > 10 and live[k].chunk_executed)
    driven = [k for k in live if live[k].command_source_tick == source and k > source]
    with BagReader(run.bag) as reader, BagWriter(tmp_path / "lacking") as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        for one in reader.messages():
            if one.topic != ATTENTION or reader.decode(one).tick != source:
                writer.write(one.topic, one.data, one.stamp_ns)
    report = replay_bag(tmp_path / "lacking", tmp_path / "out", settings)
    assert report.counts == {"unknown_chunk": len(driven)}
    maps = read(tmp_path / "out", ATTENTION)
    assert [chunks_of(one) for one in maps] == [chunks_of(live[one.tick]) for one in maps]
    assert not set(driven) & set(commands(tmp_path / "out"))
    assert len(commands(tmp_path / "out")) == len(run.actions) - len(driven) - 1


def test_an_ensemble_makes_its_own_commands_of_a_recording_with_a_queue(settings, tmp_path):
    settings = replace(settings, n_action_steps=1, temporal_ensemble_coeff=0.01)
    found = []
    for name in ("async, quick", "blocking"):
        plain = replace(settings, n_action_steps=0, temporal_ensemble_coeff=None)
        run = live_run(tmp_path / name[:5], plain, 20, **RUNS[name])
        report = replay_bag(run.bag, tmp_path / f"{name[:5]}_out", settings)
        others = [k for k, one in run.by_tick().items() if one.command_source_tick != k]
        assert report.counts == {"unknown_chunk": len(others)}
        maps = read(tmp_path / f"{name[:5]}_out", ATTENTION)
        assert all(one.command_source_tick == one.first_executed_tick == one.tick for one in maps)
        found.append(commands(tmp_path / f"{name[:5]}_out"))
    assert found[0].keys() == found[1].keys()
    assert all(np.abs(found[0][tick] - found[1][tick]).max() <= 1e-6 for tick in found[0])


def test_a_replay_follows_the_recorded_number_of_actions(settings, tmp_path):
    """The node may have run with another n_action_steps than the checkpoint says."""
    run = live_run(tmp_path / "live", settings, 20, **RUNS["blocking"])
    report = replay_bag(run.bag, tmp_path / "out", replace(settings, n_action_steps=2))
    assert report.counts == {}
    maps, live = read(tmp_path / "out", ATTENTION), run.by_tick()
    assert [chunks_of(one) for one in maps] == [chunks_of(live[one.tick]) for one in maps]
    found = commands(tmp_path / "out")
    assert all(np.abs(found[tick] - run.actions[tick]).max() <= 1e-6 for tick in found)
