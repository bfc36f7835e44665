# SPDX-License-Identifier: Apache-2.0
"""The node runs a policy class that pam_ros does not know."""

from __future__ import annotations

import numpy as np
import pytest
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
