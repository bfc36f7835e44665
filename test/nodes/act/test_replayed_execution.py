# SPDX-License-Identifier: Apache-2.0
"""A recording of the real node, replayed: the same ticks, chunks and commands as it had."""

from __future__ import annotations

import numpy as np
import pytest
from recorded_node import ATTENTION, RecordedNode, SlowPasses
from std_srvs.srv import SetBool, Trigger

from pam_ros.bags import BagReader
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot.stamps import stamp_nanoseconds


def observe(robot, rng) -> None:
    """One observation like no other, and the end of its tick."""
    ticks = robot.node.ticks
    before = ticks._loop.ticks
    robot.observe(
        pixels=rng.integers(0, 256, (64, 96, 3), np.uint8), positions=rng.uniform(-0.1, 0.1, 2)
    )
    assert robot.wait(lambda: ticks._loop.ticks > before)
    with ticks._ticking:
        pass


@pytest.mark.parametrize("execution", ["async", "blocking"])
def test_ticks_sources_flags_and_commands_are_the_nodes(
    attention_robot, checkpoint, contract, tmp_path, execution
):
    robot = attention_robot(
        # Images make the ticks: with time until the next chunk, passes begin beside them.
        rate_hz=0.5,
        execution=execution,
        n_action_steps=8,
        enabled=True,
        attention_method="rollout",
    )
    node = RecordedNode(robot, tmp_path / "bag")
    passes = SlowPasses(robot.node.ticks)
    robot.spin()
    rng = np.random.default_rng(0)
    for number in range(60):
        robot.wait(passes.on_time, 0.3)
        observe(robot, rng)
        if number == 25:
            assert robot.call(Trigger, "/act_attention/reset", Trigger.Request()).success
        if number in (38, 42):
            request = SetBool.Request(data=number == 42)
            assert robot.call(SetBool, "/act_attention/enable", request).success
    robot.node.ticks.stop()
    passes.release()
    assert robot.wait(lambda: len(node.maps) == 60)
    node.close()
    live = node.by_tick()
    assert [message.tick for message in node.maps] != sorted(live)
    sources = {message.command_source_tick for message in node.maps}
    assert len(sources) > 8
    if execution == "async":
        assert any(m.chunk_executed and m.command_source_tick < m.tick for m in node.maps)

    out = tmp_path / "out"
    settings = ReplaySettings(
        policy=str(checkpoint), contract=str(contract()), n_action_steps=8, threads=1
    )
    report = replay_bag(node.path, out, settings)
    assert (report.ticks, report.valid, report.counts) == (60, 60, {})
    with BagReader(out) as reader:
        maps = [reader.decode(one) for one in reader.messages([ATTENTION])]
        commands = {
            stamp_nanoseconds(command.header.stamp): np.array(command.position)
            for command in map(reader.decode, reader.messages(["/act_attention/predicted_command"]))
        }
    for message, number in zip(maps, sorted(live), strict=True):
        mine = live[number]
        for field in ("episode", "tick", "command_source_tick", "chunk_executed"):
            assert getattr(message, field) == getattr(mine, field), (field, number)
        stamp = stamp_nanoseconds(mine.header.stamp)
        assert stamp_nanoseconds(message.header.stamp) == stamp
        if mine.valid:
            assert message.first_executed_tick == mine.first_executed_tick
            cells = np.asarray(mine.cameras[0].cells)
            np.testing.assert_allclose(message.cameras[0].cells, cells, atol=1e-6)
        if stamp in node.actions:
            np.testing.assert_allclose(commands[stamp], node.actions[stamp], atol=1e-6)
        else:
            # Disabled, where a replay says what would have been asked for, or without a chunk.
            assert mine.command_source_tick == number
            dry = mine.inference_skipped or mine.first_executed_tick > number
            assert (stamp in commands) != dry
