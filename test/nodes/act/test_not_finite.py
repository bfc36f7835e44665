# SPDX-License-Identifier: Apache-2.0
"""A policy that computes nonsense moves nothing, draws nothing and says so."""

from __future__ import annotations

import time
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act import policy_start

ATTENTION = "/act_attention/attention"
OVERLAY = "/act_attention/attention/top/image"


class Poisoned:
    """The real policy, but for one value of its outputs while `on`."""

    def __init__(self, policy, poison) -> None:
        self._policy = policy
        self._poison = poison
        self.on = False

    def __getattr__(self, name):
        return getattr(self._policy, name)

    def step(self, observation):
        output = self._policy.step(observation)
        return self._poison(output) if self.on else output

    def explain(self, observation):
        output = self._policy.explain(observation)
        return self._poison(output) if self.on else output

    def explain_later(self, observation):
        run = self._policy.explain_later(observation)

        def poisoned():
            output = run()
            return self._poison(output) if self.on else output

        return poisoned


def with_one(array, value):
    array = array.copy()
    array.flat[array.size // 2] = value
    return array


def spoiled(output, stack, value):
    """The output with one value of each of a stack's shown weights replaced."""
    weights = {k: with_one(w, value) if k[0] == stack else w for k, w in output.weights.items()}
    assert weights.keys() == output.weights.keys()
    return replace(output, weights=weights)


def cross(output):
    return spoiled(output, "decoder", np.nan)


def encoder(output):
    return spoiled(output, "encoder", np.inf)


def action(output):
    return replace(output, action=with_one(output.action, np.nan))


def chunk(output):
    return replace(output, chunk=with_one(output.chunk, -np.inf))


@pytest.fixture
def poisonable(monkeypatch):
    """Loads the policy so that it can be poisoned; what was loaded is in the list."""
    load, made = policy_start.load_policy, []

    def prepare(poison):
        def load_poisoned(*arguments, **options):
            made.append(Poisoned(load(*arguments, **options), poison))
            return made[0]

        monkeypatch.setattr(policy_start, "load_policy", load_poisoned)
        return made

    return prepare


@pytest.mark.parametrize(
    ("poison", "method", "reason"),
    [
        (cross, "cross_attention", "the policy's attention holds a value that is not finite"),
        (cross, "rollout", "the policy's attention holds a value that is not finite"),
        (encoder, "encoder_attention", "encoder layer 0 holds a value that is not finite"),
        (encoder, "rollout", "encoder layer 0 holds a value that is not finite"),
        (action, "cross_attention", "action holds a value that is not finite"),
        (chunk, "cross_attention", "chunk holds a value that is not finite"),
    ],
)
def test_a_value_that_is_not_finite_ends_the_tick_without_command_and_picture(
    attention_robot, poisonable, poison, method, reason
):
    made = poisonable(poison)
    # Every tick makes its command: the ensemble has no queued action that could go first.
    robot = attention_robot(enabled=True, temporal_ensemble=True, attention_method=method)
    maps = robot.listen(AttentionMap, ATTENTION)
    pictures = robot.listen(Image, OVERLAY)
    commands = robot.listen(JointState, "/joint_commands")
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    robot.observe(positions=(0.1, 0.2))
    assert robot.wait(lambda: maps and pictures and commands)
    assert maps[0].valid
    before = list(commands[-1].position)

    made[0].on = True
    robot.observe(positions=(0.1, 0.2))
    assert robot.wait(lambda: len(maps) > 1)
    bad = maps[1]
    assert not bad.valid
    assert reason in bad.invalid_reason
    assert not bad.chunk_executed
    assert bad.method == ""
    assert len(bad.head_entropy) == len(bad.cameras[0].cells) == 0

    def reported() -> bool:
        status = [report.status[0] for report in reports]
        return any(
            reason in s.message and {v.key: v.value for v in s.values}.get("invalid_ticks") == "1"
            for s in status
        )

    assert robot.wait(reported)
    assert len(pictures) == 1
    # The robot is held where its last good command left it.
    assert all(list(command.position) == before for command in commands)
    assert robot.node.ticks.commander.state.value == "fault"

    made[0].on = False
    robot.observe(positions=(0.1, 0.2))
    assert robot.wait(lambda: len(maps) > 2)
    assert maps[2].valid
    # A policy that has computed nonsense once is trusted again when somebody says so.
    assert robot.node.ticks.commander.state.value == "fault"
    enable(robot)
    assert robot.wait(
        lambda: (
            robot.observe(positions=(0.1, 0.2))
            and robot.node.ticks.commander.state.value == "running"
        )
    )


def enable(robot):
    """Enable anew, with a joint state that is fresh."""

    def done() -> bool:
        robot.observe(positions=(0.1, 0.2))
        answer = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True))
        return answer.success

    assert robot.wait(done)


@pytest.mark.parametrize("poison", [cross, encoder])
def test_in_queue_mode_weights_that_are_not_finite_stop_the_queue(
    attention_robot, poisonable, poison
):
    made = poisonable(poison)
    # Images make the ticks. At 4 Hz a busy machine would leave a pass out before the next chunk.
    robot = attention_robot(
        enabled=True, n_action_steps=5, soft_start_s=0.0, attention_method="rollout", rate_hz=1.0
    )
    maps = robot.listen(AttentionMap, ATTENTION)
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()

    def observe():
        before = len(maps)
        robot.observe(positions=(0.1, 0.2))
        assert robot.wait(lambda: len(maps) > before)
        return maps[-1]

    def state():
        return robot.node.ticks.commander.state.value

    # A watchdog that finds the next one late holds it again.
    assert observe().chunk_executed
    made[0].on = True
    # The queued action was on its way before this tick's pass ended.
    assert not observe().valid
    assert robot.wait(lambda: state() == "fault")
    assert robot.wait(lambda: len(commands) == robot.node.ticks.commander.publisher.published)
    held = list(commands[-1].position)
    acted = robot.node.ticks.commander.act = Mock(wraps=robot.node.ticks.commander.act)
    states = set()
    for _ in range(8):
        assert not observe().valid
        states.add(state())
    assert states == {"fault"}
    assert acted.call_count == 0
    count = len(commands)
    assert robot.wait(lambda: len(commands) > count + 1)
    assert all(list(command.position) == held for command in commands[count:])

    made[0].on = False
    assert observe().valid
    assert state() == "fault"
    enable(robot)
    assert robot.wait(lambda: observe().chunk_executed and state() == "running")


def test_in_queue_mode_no_command_at_all_goes_out_where_every_tick_is_bad(
    attention_robot, poisonable
):
    made = poisonable(cross)
    robot = attention_robot(enabled=True, n_action_steps=5)
    made[0].on = True
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    acted = robot.node.ticks.commander.act = Mock(wraps=robot.node.ticks.commander.act)
    for count in range(1, 9):
        robot.observe(positions=(0.1, 0.2))
        assert robot.wait(lambda count=count: len(maps) == count)
    assert not any(message.valid for message in maps)
    assert acted.call_count == 0


def test_a_bad_tick_is_a_warning_while_disabled_too(attention_robot, poisonable):
    made = poisonable(cross)
    robot = attention_robot(rate_hz=1.0)  # which a busy machine keeps too
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    def says(level, sentence):
        robot.observe(positions=(0.1, 0.2))
        time.sleep(0.1)
        status = reports[-1].status[0] if reports else None
        return status and status.level == level and status.message.startswith(sentence)

    made[0].on = True
    assert robot.wait(lambda: says(DiagnosticStatus.WARN, "invalid: the policy's attention holds"))
    assert robot.node.ticks.commander.state.value == "disabled"
    made[0].on = False
    assert robot.wait(lambda: says(DiagnosticStatus.OK, "disabled"))
