# SPDX-License-Identifier: Apache-2.0
"""What a policy cannot be asked to explain is refused when it is asked for."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
import rclpy
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from pam_ros.nodes.act.explanation_request import check_explainable
from pam_ros.nodes.kit.parameters import ParameterError


@pytest.fixture
def not_centred(checkpoint, tmp_path):
    """The checkpoint with images that are normalised to their range, not by a mean."""
    folder = shutil.copytree(checkpoint, tmp_path / "policy")
    for name in ("config.json", "policy_preprocessor.json"):
        content = json.loads((folder / name).read_text())
        for mapping in _normalisations(content):
            mapping["VISUAL"] = "IDENTITY"
        (folder / name).write_text(json.dumps(content))
    return folder


def _normalisations(content):
    """Where config.json, or a processor's file, says how features are normalised."""
    if "normalization_mapping" in content:
        return [content["normalization_mapping"]]
    steps = [step.get("config", {}) for step in content["steps"]]
    return [config["norm_map"] for config in steps if "norm_map" in config]


def test_a_baseline_that_the_policy_lacks_is_refused_and_the_old_one_stays(
    attention_robot, not_centred
):
    node = attention_robot(policy=not_centred).node
    (result,) = node.set_parameters([Parameter("explain_baseline", value="mean")])
    assert not result.successful
    assert "IDENTITY" in result.reason
    assert "use black or blur" in result.reason
    assert node.get_parameter("explain_baseline").value == "blur"
    assert node.ticks.look.request.baseline == "blur"
    (result,) = node.set_parameters([Parameter("explain_baseline", value="black")])
    assert result.successful
    assert node.ticks.look.request.baseline == "black"


def test_it_ends_the_start_as_well(attention_robot, not_centred):
    with pytest.raises(ParameterError, match=r"'explain_baseline' is 'mean'.*IDENTITY"):
        attention_robot(policy=not_centred, explain_baseline="mean")
    rclpy.try_shutdown()


def test_a_baseline_that_the_policy_has_is_taken(attention_robot):
    node = attention_robot().node
    (result,) = node.set_parameters([Parameter("explain_baseline", value="mean")])
    assert result.successful, result.reason
    assert node.ticks.look.request.baseline == "mean"


def test_a_policy_without_cameras_takes_no_explain_parameter():
    blind = SimpleNamespace(name="blind", cameras=())
    seeing = SimpleNamespace(name="seeing", cameras=("top",))
    with pytest.raises(ParameterError, match="'explain_method': blind reads no camera"):
        check_explainable({"explain_method": "grad_cam"}, blind)
    check_explainable({"explain_method": "grad_cam"}, seeing)
    check_explainable({"overlay_alpha": 0.5}, blind)


def test_explain_says_at_once_that_a_policy_without_cameras_cannot_be_explained(attention_robot):
    robot = attention_robot()
    robot.node.ticks._explainer._policy = SimpleNamespace(spec=SimpleNamespace(cameras=()))
    robot.spin()
    answer = robot.call(Trigger, "/act_attention/explain", Trigger.Request())
    assert not answer.success
    assert "reads no camera" in answer.message
