# SPDX-License-Identifier: Apache-2.0
"""execution: async in the real node: chunks beside the commands, the robot held where none is."""

from __future__ import annotations

import threading

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act import policy_start
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy.abilities import ExplainingLater

ATTENTION = "/act_attention/attention"
QUIET = {"n_action_steps": 8, "enabled": True, "attention_method": "rollout", "rate_hz": 0.1}
"""Its passes are what these tests hold up; contributions have tests of their own. Images make the
ticks; at that rate no busy machine is late for the watchdog."""
WAIT_S = 120.0


class Gate:
    """Passes that run late wait at their end while it is closed."""

    def __init__(self, policy) -> None:
        self._go = threading.Event()
        self._go.set()
        self.begun = 0
        later = policy.explain_later

        def explain_later(observation):
            run = later(observation)

            def waits():
                self.begun += 1
                output = run()
                assert self._go.wait(WAIT_S)
                return output

            return waits

        policy.explain_later = explain_later

    def close(self) -> None:
        self._go.clear()

    def open(self) -> None:
        self._go.set()


@pytest.fixture
def running(attention_robot):
    def start(**parameters):
        robot = attention_robot(**{**QUIET, "execution": "async", **parameters})
        gate = Gate(robot.node.ticks.policy)
        maps = robot.listen(AttentionMap, ATTENTION)
        commands = robot.listen(JointState, "/joint_commands")
        robot.listen(DiagnosticArray, "/diagnostics")
        robot.spin()
        return robot, gate, maps, commands

    return start


def tick(robot):
    ticks = robot.node.ticks
    before = ticks._loop.ticks
    robot.observe()
    assert robot.wait(lambda: ticks._loop.ticks > before)
    with ticks._ticking:
        return before


def state(robot):
    return robot.node.ticks.commander.state.value


def plan(robot):
    return robot.node.ticks._execution.plan


def idle(beside):
    with beside._state:  # what waited is under way, and no longer waits, at one stroke
        return not (beside._passing or beside._waiting or beside._shows)


def message_of(robot, maps, number):
    assert robot.wait(lambda: any(m.tick == number for m in maps))
    (message,) = [m for m in maps if m.tick == number]
    return message


def test_the_robot_is_held_until_the_first_chunk_and_follows_it_from_its_tick_on(running):
    robot, gate, maps, commands = running()
    gate.close()
    assert tick(robot) == 0
    assert robot.wait(lambda: gate.begun == 1)
    tick(robot)
    assert state(robot) == "holding"
    # What is held is where the robot stands.
    assert robot.wait(lambda: commands)
    assert all(list(c.position) == pytest.approx([0.1, 0.2], abs=1e-6) for c in commands)
    gate.open()
    assert robot.wait(lambda: plan(robot)._arrived is not None)
    third = tick(robot)
    assert state(robot) == "running"
    made = message_of(robot, maps, 0)
    assert (made.valid, made.chunk_executed, made.command_source_tick) == (True, True, 0)
    assert made.first_executed_tick == third
    follows = message_of(robot, maps, third)
    assert follows.command_source_tick == 0
    assert not follows.chunk_executed
    assert plan(robot).values()["chunk_rows_dropped"] == third
    assert plan(robot).values()["ticks_without_chunk"] == third

    def told():
        reports = robot.received["/diagnostics"]
        return {v.key: v.value for v in reports[-1].status[0].values} if reports else {}

    assert robot.wait(lambda: told().get("chunks_adopted") == "1")
    assert told()["execution"] == "async"
    assert told()["refills"] == "0"


def test_chunks_follow_each_other_and_each_message_says_whose_it_is(running):
    robot, _, maps, _ = running()
    numbers = []
    for _ in range(24):
        numbers.append(tick(robot))
        # Whatever was asked for is there before the next observation.
        assert robot.wait(lambda: idle(robot.node.ticks._execution.beside))
    robot.node.ticks.stop()
    assert robot.wait(lambda: len(maps) == len(numbers))
    seen = {m.tick: m for m in maps}
    assert sorted(seen) == numbers
    made = {n for n in numbers if seen[n].chunk_executed}
    assert len(made) >= 3
    moving = [seen[n].command_source_tick for n in numbers[1:]]
    assert set(moving) == made | ({0} & set(moving))
    assert moving == sorted(moving)  # never back to an older chunk
    followed = sorted(set(moving))
    begins = [seen[source].first_executed_tick for source in followed]
    assert begins == [numbers[1 + moving.index(source)] for source in followed]
    # No row was executed that a queue would not have executed.
    assert all(0 < n - source < 8 for n, source in zip(numbers[1:], moving, strict=True))


def test_disabled_during_a_pass_its_chunk_moves_nothing(running):
    robot, gate, maps, commands = running()
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == 1)
    for wanted in (False, True):
        request = SetBool.Request(data=wanted)
        assert robot.call(SetBool, "/act_attention/enable", request).success
    gate.open()
    # Before the next tick, so that this is the first that could have been of the chunk.
    assert robot.wait(lambda: idle(robot.node.ticks._execution.beside))
    tick(robot)
    made = message_of(robot, maps, 0)
    assert (made.valid, made.chunk_executed) == (True, False)
    assert made.first_executed_tick == 1
    assert state(robot) == "holding"
    assert all(list(c.position) == pytest.approx([0.1, 0.2], abs=1e-6) for c in commands)
    assert robot.wait(lambda: tick(robot) and state(robot) == "running")


def test_it_is_not_enabled_where_a_pass_outlasts_a_chunk(running):
    robot, *_ = running(enabled=False, rate_hz=4.0)
    for _ in range(20):
        robot.node.ticks._loop.note_forward(2.5)
    assert robot.wait(lambda: tick(robot) is not None)
    answer = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True))
    assert not answer.success
    assert answer.message == (
        "not enabled: a forward pass takes 2.50 s, and a chunk is executed for 2.00 s (8 actions): "
        "nothing of it would be left when it is there; raise n_action_steps, lower rate_hz, take a "
        "faster engine, or set execution: blocking"
    )
    assert state(robot) == "disabled"


def test_what_cannot_be_executed_so_is_refused_at_start(attention_robot, monkeypatch):
    for parameters in ({"temporal_ensemble": True}, {"n_action_steps": 1}):
        with pytest.raises(ParameterError, match="needs chunks of several actions"):
            attention_robot(execution="async", **parameters)
        rclpy.try_shutdown()
    load = policy_start.load_policy

    class Bare:
        def __init__(self, policy) -> None:
            names = (
                "spec", "engine", "step", "pop_action", "explain", "skip", "show", "reset",
            )  # fmt: skip
            for name in names:
                setattr(self, name, getattr(policy, name))

    monkeypatch.setattr(policy_start, "load_policy", lambda *a, **k: Bare(load(*a, **k)))
    assert not isinstance(Bare, ExplainingLater)
    with pytest.raises(ParameterError, match="its passes cannot run beside the ticks"):
        attention_robot(execution="async")
