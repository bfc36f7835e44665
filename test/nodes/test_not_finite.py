# SPDX-License-Identifier: Apache-2.0
"""A policy that computes nonsense moves nothing, draws nothing and says so."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from pam_ros.msg import AttentionMap
from sensor_msgs.msg import Image, JointState

from pam_ros.nodes import policy_start

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


def with_one(array, value):
    array = array.copy()
    array.flat[array.size // 2] = value
    return array


def cross(output):
    return replace(output, attention=with_one(output.attention, np.nan))


def encoder(output):
    return replace(
        output,
        encoder_attention={k: with_one(w, np.inf) for k, w in output.encoder_attention.items()},
    )


def action(output):
    return replace(output, action=with_one(output.action, np.nan))


def chunk(output):
    return replace(output, chunk=with_one(output.chunk, -np.inf))


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
    attention_robot, monkeypatch, poison, method, reason
):
    load, made = policy_start.load_policy, []

    def load_poisoned(*arguments, **options):
        made.append(Poisoned(load(*arguments, **options), poison))
        return made[0]

    monkeypatch.setattr(policy_start, "load_policy", load_poisoned)
    # Every tick makes its command: the ensemble has no queued action that could go first.
    robot = attention_robot(enabled=True, temporal_ensemble=True, attention_method=method)
    maps = robot.listen(AttentionMap, ATTENTION)
    pictures = robot.listen(Image, OVERLAY)
    commands = robot.listen(JointState, "/joint_commands")
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    time.sleep(0.5)

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
    assert robot.node._commander.state.value == "holding"

    made[0].on = False
    robot.observe(positions=(0.1, 0.2))
    assert robot.wait(lambda: len(maps) > 2)
    assert maps[2].valid
    assert robot.wait(lambda: robot.node._commander.state.value == "running")
