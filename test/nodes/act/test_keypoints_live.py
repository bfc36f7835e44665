# SPDX-License-Identifier: Apache-2.0
"""The node shows a Diffusion Policy's keypoint maps, and says that they are no attention."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy import load_policy

TOP, STATE = "observation.images.top", "observation.state"
ATTENTION = "/act_attention/attention"


@pytest.fixture
def folder(diffusion_policy, tmp_path):
    return diffusion_policy(tmp_path / "diffusion", {TOP: (64, 96)}, joints=2, actions=2)


def test_where_attention_is_asked_for_it_shows_what_it_has_and_says_why(attention_robot, folder):
    robot = attention_robot(policy=folder, attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    robot.observe(pixels=pixels, positions=(0.3, -0.6))
    assert robot.wait(lambda: maps)
    message = maps[0]
    assert message.valid, message.invalid_reason
    assert (message.method, message.method_asked) == ("spatial_softmax", "rollout")
    assert message.method_reason == (
        "this policy has no attention: spatial_softmax is shown, which is none"
    )
    assert (message.denoising_step, message.denoising_steps) == (-1, 3)
    assert (message.layer, message.head) == ("rgb_encoder.pool", "mean")
    assert np.isnan(message.joint_state_share) and np.isnan(message.groups[0].share)
    assert message.cameras[0].share == pytest.approx(1, abs=1e-6)
    assert len(message.head_entropy) == 6

    policy = load_policy(folder, device="cpu")
    robot.node.ticks.look.selection.apply_to(policy)
    output = policy.explain({TOP: pixels, STATE: np.array([0.3, -0.6], np.float32)})
    mass = output.weights["spatial_softmax", 0, 0].mean(axis=(0, 1))
    np.testing.assert_allclose(message.cameras[0].cells, mass, atol=1e-6)


def test_one_keypoint_is_shown_by_its_number(attention_robot, folder):
    robot = attention_robot(
        policy=folder, attention_method="spatial_softmax", attention_head="'4'", enabled=True
    )
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    robot.observe()
    assert robot.wait(lambda: maps)
    assert maps[0].valid, maps[0].invalid_reason
    assert (maps[0].method, maps[0].head) == ("spatial_softmax", "4")
    assert (maps[0].method_asked, maps[0].method_reason) == ("spatial_softmax", "")


def test_a_keypoint_that_it_does_not_have_is_refused(attention_robot, folder):
    with pytest.raises(ParameterError, match="'attention_head' has '6': use"):
        attention_robot(policy=folder, attention_method="spatial_softmax", attention_head="'6'")
