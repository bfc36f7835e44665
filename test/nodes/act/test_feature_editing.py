# SPDX-License-Identifier: Apache-2.0
"""One feature edited inside the running policy: only where it is allowed, and loudly."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from trajectory_msgs.msg import JointTrajectory

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.feature_editing import FeatureEditing
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy import load_policy
from pam_ros.sae.disk import load_sae
from pam_ros.sae.edit import steer

sys.path.insert(0, str(Path(__file__).parent))
from sae_folder import write_sae


@pytest.fixture
def sae(tmp_path, checkpoint):
    policy = load_policy(str(checkpoint), "cpu", engine="eager")
    width = policy.model.config.dim_model
    write_sae(tmp_path / "sae", width=width, policy=policy.spec.sha256, bias=0.0)
    return tmp_path / "sae"


def test_an_edit_without_the_explicit_permission_is_refused(attention_robot, sae):
    with pytest.raises(ParameterError, match="allow_edits"):
        attention_robot(edit_sae=sae, edit_feature=3)


def test_a_feature_that_is_not_there_is_refused(attention_robot, sae):
    with pytest.raises(ParameterError, match="no feature 32"):
        attention_robot(edit_sae=sae, edit_feature=32, allow_edits=True)


def test_an_sae_of_another_policy_is_refused(attention_robot, tmp_path, checkpoint):
    write_sae(tmp_path / "foreign", width=64, policy="b" * 64)
    with pytest.raises(ParameterError, match="edit_feature"):
        attention_robot(edit_sae=tmp_path / "foreign", edit_feature=1, allow_edits=True)


def test_a_steered_policy_says_so_and_by_how_much_its_chunk_changed(
    attention_robot, sae, checkpoint
):
    robot = attention_robot(
        edit_sae=sae, edit_feature=3, edit_mode="steer", edit_amount=5.0, allow_edits=True
    )
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    chunks = robot.listen(JointTrajectory, "/act_attention/predicted_chunk")
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    pixels = np.random.default_rng(0).integers(0, 256, (*_size(robot), 3), np.uint8)

    def report():
        for array in reports:
            for status in array.status:
                values = {entry.key: entry.value for entry in status.values}
                if values.get("edit_chunk_change_max", "not measured yet") != "not measured yet":
                    return values
        return None

    assert robot.wait(lambda: (robot.observe(pixels=pixels), report())[1] is not None)
    assert report()["edit"] == "feature 3 steered by 5"
    assert robot.wait(lambda: maps and chunks)

    policy = load_policy(str(checkpoint), "cpu", engine="eager")
    camera = policy.spec.cameras[0]
    observation = {
        camera.feature: pixels,
        policy.spec.state_feature: np.array([0.1, 0.2], np.float32),
    }
    prepared = policy.prepare([observation])
    edited = policy.forward(prepared, edit=steer(load_sae(sae), 3, 5.0)).chunks
    expected = np.abs(edited - policy.forward(prepared).chunks).max()
    assert float(report()["edit_chunk_change_max"]) == pytest.approx(expected, abs=2e-3)
    assert expected > 0.01


def _size(robot):
    camera = robot.node.ticks.spec.cameras[0]
    return camera.height, camera.width


def test_of_a_policy_with_words_and_noise_the_edit_alone_is_measured(
    attention_robot, second_policy, tmp_path
):
    top, state = "observation.images.top", "observation.state"
    folder = second_policy(tmp_path / "second", {top: (64, 96)}, instruction="reach the red cube")
    policy = load_policy(folder, device="cpu")
    write_sae(tmp_path / "sae", width=32, policy=policy.spec.sha256, bias=0.0)
    values = {
        "allow_edits": True, "edit_sae": str(tmp_path / "sae"), "edit_feature": 3,
        "edit_mode": "steer", "edit_amount": 5.0,
    }  # fmt: skip
    editing = FeatureEditing(attention_robot(policy=folder).node, policy, values)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    observation = {top: pixels, state: np.array([0.1, 0.2], np.float32)}
    output = policy.explain(observation)
    policy.instruct("put the block in the bowl")  # before it is looked at
    editing.look_at(observation, SimpleNamespace(output=output))
    prepared = policy.prepare([observation])
    edit = steer(load_sae(tmp_path / "sae"), 3, 5.0)
    edited = policy.forward(prepared, edit=edit).chunks
    expected = np.abs(edited - policy.forward(prepared).chunks).max()
    assert expected > 1e-3
    said = float(editing.values()["edit_chunk_change_max"])
    assert said == pytest.approx(expected, abs=1e-4)
    # The words changed, the edit did not: a pass is still another one than without it.
    kept = policy.explain(observation).chunk
    policy.edit_tokens(None)
    assert np.abs(policy.explain(observation).chunk - kept).max() > 1e-4
