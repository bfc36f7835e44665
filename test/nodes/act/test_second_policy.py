# SPDX-License-Identifier: Apache-2.0
"""The node runs a policy class that pam_ros does not know."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy import load_policy

TOP, STATE = "observation.images.top", "observation.state"
ATTENTION = "/act_attention/attention"


@pytest.fixture
def folder(second_policy, tmp_path):
    return second_policy(tmp_path / "second", {TOP: (64, 96)})


def test_it_shows_joint_attention_and_tokens_and_has_no_gradients(attention_robot, folder):
    robot = attention_robot(policy=folder, attention_method="joint_attention", attention_head="'1'")
    maps = robot.listen(AttentionMap, ATTENTION)
    tokens = []
    robot.peer.create_subscription(
        TokenActivations, "/act_attention/tokens", tokens.append, TOKEN_QOS
    )
    robot.spin()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    assert robot.wait(robot.node.ticks.shown.tokens.wanted)
    robot.observe(pixels=pixels, positions=(0.3, -0.6))
    assert robot.wait(lambda: maps and tokens)
    message = maps[0]
    assert message.valid, message.invalid_reason
    assert (message.method, message.layer, message.head) == (
        "joint_attention", "expert.layers.1.attn", "1",
    )  # fmt: skip
    assert np.isnan(message.joint_state_share)
    assert (message.method_asked, message.method_reason) == ("joint_attention", "")
    assert (message.denoising_step, message.denoising_steps) == (2, 3)
    words, actions = message.groups
    assert (words.name, words.labels) == ("language", ["pick", "up", "the", "red", "cube"])
    assert (actions.name, len(actions.mass)) == ("action", 6)
    assert message.cameras[0].share + words.share + actions.share == pytest.approx(1, abs=1e-6)

    policy = load_policy(folder, device="cpu")
    robot.node.ticks.look.selection.apply_to(policy)
    output = policy.explain({TOP: pixels, STATE: np.array([0.3, -0.6], np.float32)})
    mass = output.weights["expert", 1, 2][1].mean(axis=0)
    np.testing.assert_allclose(message.cameras[0].cells, mass[:24], atol=1e-6)
    np.testing.assert_allclose([*words.mass, *actions.mass], mass[24:], atol=1e-6)
    assert tokens[0].valid, tokens[0].invalid_reason
    assert list(tokens[0].kind) == [0] * 24 + [4] * 5 + [5] * 6

    answer = robot.call(Trigger, "/act_attention/explain", Trigger.Request())
    assert not answer.success and "gives no gradients" in answer.message


def set_step(robot, step):
    (result,) = robot.node.set_parameters([Parameter("attention_step", value=step)])
    return result


def test_the_denoising_step_is_chosen_while_it_runs(attention_robot, folder):
    robot = attention_robot(policy=folder, attention_method="joint_attention", attention_step="'0'")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    policy = load_policy(folder, device="cpu")
    for number, step in enumerate(("0", "1", "mean", "last")):
        if number:
            assert set_step(robot, step).successful
        robot.observe(pixels=pixels, positions=(0.3, -0.6))
        assert robot.wait(lambda number=number: len(maps) == number + 1)
        message = maps[-1]
        assert message.valid, message.invalid_reason
        known = {"last": 2, "mean": AttentionMap.DENOISING_STEP_MEAN}
        assert message.denoising_step == known.get(step, number)
        robot.node.ticks.look.selection.apply_to(policy)
        policy.reset()
        for _ in range(number):  # the noise is that of the tick
            policy.skip()
        kept = policy.explain({TOP: pixels, STATE: np.array([0.3, -0.6], np.float32)}).weights
        assert len(kept) == (3 if step == "mean" else 1)
        mass = np.mean([each.mean(axis=(0, 1)) for each in kept.values()], axis=0)
        np.testing.assert_allclose(message.cameras[0].cells, mass[:24], atol=1e-6)
    refused = set_step(robot, "3")
    assert not refused.successful and 'use "last", "mean", a number from 0 to 2' in refused.reason


def test_its_default_is_rollout_through_its_prefix(attention_robot, folder):
    robot = attention_robot(policy=folder, enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    robot.observe()
    assert robot.wait(lambda: maps)
    assert maps[0].layer == "expert.layers.1.attn, prefix.layers.0:2"


def test_a_method_that_it_lacks_is_refused(attention_robot, folder):
    with pytest.raises(ParameterError, match="use encoder_attention, rollout, joint_attention"):
        attention_robot(policy=folder, attention_method="cross_attention")
