# SPDX-License-Identifier: Apache-2.0
"""Names of the training data: the checkpoint's rename_map, contracts and data sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.torch
from lerobot.processor.hil_processor import ImageCropResizeProcessorStep
from lerobot.processor.rename_processor import RenameObservationsProcessorStep

from pam_ros.policy import PolicyError, load_policy, wrap
from pam_ros.policy.renames import renames_for

FIRST, SECOND = "observation.images.camera1", "observation.images.camera2"
FRONT = "observation.images.front"
CAMERAS = {FIRST: (32, 40), SECOND: (32, 40)}
MAPS = [
    {FRONT: FIRST, "observation.joints": "observation.state"},
    {FIRST: SECOND, SECOND: FIRST},
    {FRONT: FIRST, FIRST: SECOND},
]


def with_map(reference, pairs):
    """As lerobot-train --rename_map leaves it."""
    (step,) = (
        each
        for each in reference.preprocessor.steps
        if isinstance(each, RenameObservationsProcessorStep)
    )
    step.rename_map = dict(pairs)
    return reference


def as_recorded(observation, pairs):
    """The observation by the data's names."""
    data = {own: name for name, own in pairs.items()}
    return {data.get(feature, feature): array for feature, array in observation.items()}


@pytest.mark.parametrize("way", ["load", "wrap"])
@pytest.mark.parametrize("pairs", MAPS, ids=["apart", "swapped", "chained"])
def test_observations_by_the_policys_names_act_as_the_datas_do_in_lerobot(
    reference_policy, tmp_path, pairs, way
):
    reference = with_map(reference_policy(cameras=CAMERAS), pairs)
    if way == "load":
        policy = load_policy(reference.save(tmp_path / "act"), device="cpu", engine="eager")
    else:
        policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    assert policy.spec.renames == pairs
    observation = reference.observation(np.random.default_rng(0))
    assert set(observation) == set(policy.spec.features)
    expected = reference.select_action(as_recorded(observation, pairs))
    found = policy.step(observation)
    assert reference.normalised_difference(found.action, expected) <= 1e-5
    # The original's own step still renames.
    assert reference.preprocessor.steps[0].rename_map == pairs


def test_a_map_to_what_the_policy_does_not_read_is_left_out(reference_policy):
    pairs = {FRONT: FIRST, "observation.images.left": "observation.images.camera3", SECOND: SECOND}
    reference = with_map(reference_policy(cameras=CAMERAS), pairs)
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    assert policy.spec.renames == {FRONT: FIRST}


def test_two_renaming_steps_follow_each_other(reference_policy):
    reference = with_map(reference_policy(cameras=CAMERAS), {FRONT: "middle"})
    second = RenameObservationsProcessorStep(rename_map={"middle": FIRST, "left": SECOND})
    reference.preprocessor.steps.insert(1, second)
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    assert policy.spec.renames == {FRONT: FIRST, "middle": FIRST, "left": SECOND}


@pytest.mark.parametrize("wrong", [None, ["a"], {FRONT: 3}], ids=str)
def test_a_map_that_is_none_is_refused(reference_policy, tmp_path, wrong):
    folder = reference_policy(cameras=CAMERAS).save(tmp_path / "act")
    path = folder / "policy_preprocessor.json"
    content = json.loads(path.read_text())
    content["steps"][0]["config"]["rename_map"] = wrong
    path.write_text(json.dumps(content))
    with pytest.raises(PolicyError, match="rename_map of its pre-processor must be a name for"):
        load_policy(folder, device="cpu")


def test_statistics_by_the_datas_name_are_told_with_the_cure(reference_policy, tmp_path):
    """lerobot-train --rename_map saves its data's statistics as they are."""
    folder = with_map(reference_policy(cameras=CAMERAS), {FRONT: FIRST}).save(tmp_path / "act")
    path = folder / "policy_preprocessor_step_3_normalizer_processor.safetensors"
    statistics = safetensors.torch.load_file(path)
    renamed = {key.replace(FIRST, FRONT): tensor for key, tensor in statistics.items()}
    safetensors.torch.save_file(renamed, path)
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu")
    sentence = str(caught.value)
    assert f"has no {FIRST}.mean (it has {FRONT}, which rename_map makes {FIRST}:" in sentence
    assert "write IDENTITY for its type" in sentence


def test_the_names_of_a_data_set_are_told_by_the_caller_first(reference_policy):
    pairs = {FRONT: FIRST, "observation.images.left": SECOND}
    reference = with_map(reference_policy(cameras=CAMERAS), pairs)
    spec = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager").spec
    assert renames_for(spec, [FRONT, "observation.state"], {}) == {FRONT: FIRST}
    assert renames_for(spec, [FRONT, "observation.images.left"], {}) == pairs
    other = {"observation.images.top": FIRST}
    assert renames_for(spec, [FRONT, "observation.images.top"], other) == other
    assert renames_for(spec, [FRONT], {FRONT: SECOND}) == {FRONT: SECOND}
    assert [spec.own_name(name) for name in (FRONT, FIRST, "other")] == [FIRST, FIRST, "other"]


def with_step(reference, **options):
    reference.preprocessor.steps.insert(0, ImageCropResizeProcessorStep(**options))
    return reference


def test_a_processor_that_resizes_is_refused_with_the_cure(reference_policy, tmp_path):
    reference = with_step(reference_policy(cameras=CAMERAS), resize_size=(16, 20))
    folder = reference.save(tmp_path / "act")
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu")
    sentence = str(caught.value)
    assert f"makes 16x20 (height x width) of {FIRST}, which is 32x40 in config.json" in sentence
    assert "resize in the contract instead" in sentence
    assert "with [3, 16, 20] in config.json" in sentence


def test_a_processor_that_crops_is_refused_by_either_name(reference_policy):
    reference = reference_policy(cameras=CAMERAS)
    for name in (FIRST, FRONT):
        other = with_map(reference_policy(cameras=CAMERAS), {FRONT: FIRST})
        with_step(other, crop_params_dict={name: (2, 2, 20, 20)}, resize_size=(32, 40))
        with pytest.raises(PolicyError, match=f"its pre-processor crops {FIRST}"):
            wrap(other.policy, other.preprocessor, other.postprocessor, "eager")
    # One that changes nothing is no hindrance.
    with_step(reference, resize_size=(32, 40))
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.select_action(observation)
    assert reference.normalised_difference(policy.step(observation).action, expected) <= 1e-5
