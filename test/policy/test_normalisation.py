# SPDX-License-Identifier: Apache-2.0
"""A policy whose features would pass un-normalised does not load, and says which and why."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from lerobot.configs.types import NormalizationMode
from lerobot.policies.factory import make_pre_post_processors

from pam_ros.policy import PolicyError, load_policy, wrap

PRE_JSON, POST_JSON = "policy_preprocessor.json", "policy_postprocessor.json"
PRE = "policy_preprocessor_step_3_normalizer_processor.safetensors"
POST = "policy_postprocessor_step_0_unnormalizer_processor.safetensors"


@pytest.fixture
def spoiled(saved, tmp_path):
    """A copy of a good checkpoint, to be spoiled."""
    return shutil.copytree(saved, tmp_path / "act")


def refusal(folder):
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu", engine="eager")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(folder) in sentence
    return sentence


def change_statistics(path, change):
    """`change` takes (key, tensor) and gives both anew, or None to leave it out."""
    changed = [change(*item) for item in safetensors.torch.load_file(path).items()]
    safetensors.torch.save_file(dict(item for item in changed if item), path)


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("feature", "file"),
    [("observation.state", PRE), ("observation.images.wrist", PRE), ("action", POST)],
)
def test_statistics_of_another_name_are_refused(spoiled, feature, file):
    change_statistics(spoiled / file, lambda key, t: (key.replace(feature, "renamed"), t))
    sentence = refusal(spoiled)
    assert f"{feature} is normalised by MEAN_STD" in sentence
    assert f"{file} has no {feature}.mean (it has renamed)" in sentence


def test_names_that_lerobots_migration_changed_are_recognised(reference_policy, tmp_path):
    """It makes cam.high of cam_high, and lerobot then leaves the pictures as they are."""
    camera = "observation.images.cam_high"
    folder = reference_policy(cameras={camera: (32, 40)}).save(tmp_path / "act")
    change_statistics(folder / PRE, lambda key, t: (key.replace("cam_high", "cam.high"), t))
    sentence = refusal(folder)
    assert f"{PRE} has no {camera}.mean (it has observation.images.cam.high" in sentence
    assert "lerobot's migration" in sentence


@pytest.mark.parametrize(("file", "feature"), [(PRE_JSON, "observation"), (POST_JSON, "action")])
def test_a_step_without_its_state_file_is_refused(spoiled, file, feature):
    def forget(content):
        for step in content["steps"]:
            step.pop("state_file", None)

    change_json(spoiled / file, forget)
    sentence = refusal(spoiled)
    assert f"but {file} has no {feature}" in sentence


@pytest.mark.parametrize(
    ("file", "what"), [(PRE_JSON, "pre-processor"), (POST_JSON, "post-processor")]
)
def test_a_pipeline_without_its_normaliser_is_refused(spoiled, file, what):
    def leave_out(content):
        content["steps"] = [s for s in content["steps"] if "norm_map" not in s.get("config", {})]

    change_json(spoiled / file, leave_out)
    assert f"in config.json, but no step of the {what} does: one has to" in refusal(spoiled)


@pytest.mark.parametrize(("file", "kind"), [(PRE_JSON, "STATE"), (POST_JSON, "ACTION")])
def test_a_processor_that_says_another_mode_than_the_config_is_refused(spoiled, file, kind):
    def identity(content):
        for step in content["steps"]:
            step.get("config", {}).get("norm_map", {})[kind] = "IDENTITY"

    change_json(spoiled / file, identity)
    assert "by MEAN_STD in config.json, but by IDENTITY in the p" in refusal(spoiled)


def test_half_of_the_statistics_is_refused(spoiled):
    change_statistics(spoiled / POST, lambda key, t: None if key == "action.std" else (key, t))
    assert f"{POST} has no action.std" in refusal(spoiled)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (torch.ones(5), "has shape (4,) in config.json, but action.std in"),
        (torch.tensor([1.0, 1.0, torch.nan, 1.0]), f"action.std in {POST} is not all finite"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(spoiled, wrong, reason):
    change_statistics(spoiled / POST, lambda key, t: (key, wrong if key == "action.std" else t))
    assert reason in refusal(spoiled)


@pytest.mark.parametrize(
    ("file", "wrong", "right", "what"),
    [
        (PRE_JSON, "unnormalizer_processor", "normalizer_processor", "pre-processor"),
        (POST_JSON, "normalizer_processor", "unnormalizer_processor", "post-processor"),
    ],
)
def test_a_step_of_the_other_direction_is_refused(spoiled, file, wrong, right, what):
    def turn(content):
        for step in content["steps"]:
            if step.get("registry_name") == right:
                step["registry_name"] = wrong

    change_json(spoiled / file, turn)
    sentence = refusal(spoiled)
    assert f"in the {what}, but that has a" in sentence


@pytest.mark.parametrize("file", [PRE_JSON, POST_JSON])
def test_a_feature_that_is_normalised_twice_is_refused(spoiled, file):
    def double(content):
        normalisers = [s for s in content["steps"] if "norm_map" in s.get("config", {})]
        content["steps"] += normalisers

    change_json(spoiled / file, double)
    assert "but 2 steps of the p" in refusal(spoiled)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda std: -std, "action.std in"),
        (torch.zeros_like, "have no spread, so that every action would be the same"),
    ],
)
def test_a_spread_that_no_data_has_is_refused(spoiled, change, reason):
    change_statistics(spoiled / POST, lambda key, t: (key, change(t) if key == "action.std" else t))
    assert reason in refusal(spoiled)


def test_one_joint_that_never_moved_is_no_reason_to_refuse(spoiled):
    def still(key, tensor):
        return key, torch.where(
            torch.arange(4) == 1, 0.0, tensor
        ) if key == "action.std" else tensor

    change_statistics(spoiled / POST, still)
    assert load_policy(spoiled, device="cpu", engine="eager").spec.action_dim == 4


def test_bounds_that_are_the_wrong_way_round_are_refused(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=2)
    reference.policy.config.normalization_mapping["STATE"] = NormalizationMode.MIN_MAX
    stats = {
        "mean": torch.zeros(6),
        "std": torch.ones(6),
        "min": torch.ones(6),
        "max": -torch.ones(6),
    }
    features = {"observation.state": stats, "action": {k: v[:4] for k, v in stats.items()}}
    processors = make_pre_post_processors(reference.policy.config, dataset_stats=features)
    with pytest.raises(PolicyError, match=r"observation\.state\.min .* is above"):
        wrap(reference.policy, *processors, engine="eager")


def test_a_normaliser_that_flattens_what_it_normalises_is_refused(spoiled):
    def flatten(content):
        for step in content["steps"]:
            if "norm_map" in step.get("config", {}):
                step["config"]["eps"] = 100.0

    change_json(spoiled / PRE_JSON, flatten)
    assert "eps 100 of the pre-processor must be from 0 to 0.01" in refusal(spoiled)


def test_an_inputs_statistics_are_those_that_normalise_it(spoiled):
    expected = load_policy(spoiled, device="cpu", engine="eager").spec.statistics
    change_statistics(
        spoiled / POST, lambda key, t: (key, t * 57.3 if "observation.state" in key else t)
    )
    change_statistics(spoiled / PRE, lambda key, t: (key, t * 57.3 if "action" in key else t))
    assert load_policy(spoiled, device="cpu", engine="eager").spec.statistics == expected


def test_a_policy_in_memory_without_statistics_is_refused(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=2)
    processors = make_pre_post_processors(reference.policy.config)
    with pytest.raises(PolicyError, match=r"the pre-processor has no observation\.state\.mean"):
        wrap(reference.policy, *processors, engine="eager")


def test_a_policy_that_is_said_to_be_un_normalised_is_taken(reference_policy, tmp_path):
    reference = reference_policy(cameras={}, environment_dim=2)
    config = reference.policy.config
    config.normalization_mapping = dict.fromkeys(("STATE", "ACTION"), NormalizationMode.IDENTITY)
    reference.preprocessor, reference.postprocessor = make_pre_post_processors(config)
    policy = load_policy(reference.save(tmp_path / "act"), device="cpu", engine="eager")
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.select_action(observation)
    np.testing.assert_allclose(policy.step(observation).action, expected, atol=1e-5)


def test_the_spec_says_what_the_data_were(reference_policy):
    reference = reference_policy()
    spec = wrap(reference.policy, reference.preprocessor, reference.postprocessor).spec
    assert set(spec.statistics) == {"observation.state", "action"}  # vectors alone
    np.testing.assert_allclose(spec.statistics["action"].std, reference.action_std, rtol=1e-6)
    state = reference.preprocessor.steps[-1].state_dict()["observation.state.mean"]
    np.testing.assert_allclose(spec.statistics["observation.state"].mean, state, rtol=1e-6)
    assert spec.statistics["action"].max is None
    assert hash(spec) == hash(spec)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"feedforward_activation": "glu"}, "feedforward_activation 'glu' in config.json must be"),
        ({"dim_model": 34, "n_heads": 2}, "dim_model 34 in config.json must be a multiple of 4"),
    ],
)
def test_what_can_never_step_is_refused_at_load(reference_policy, tmp_path, fields, reason):
    folder = reference_policy(**fields).save(tmp_path / "act")
    assert reason in refusal(folder)


def test_processors_that_fail_are_refused_at_load(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=2)

    def fail(_):
        raise KeyError("the gripper")

    with pytest.raises(PolicyError, match="cannot make a step: 'the gripper'"):
        wrap(reference.policy, fail, reference.postprocessor, engine="eager")
