# SPDX-License-Identifier: Apache-2.0
"""Checkpoints from before lerobot 0.4 move the robot as lerobot's own migration of them does."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from lerobot.configs.types import NormalizationMode
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors
from lerobot.processor import migrate_policy_normalization
from older_checkpoints import buffers_of, write_of_2024, write_older

from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.checkpoint import open_checkpoint, read_pipelines

TOP, HIGH = "observation.images.top", "observation.images.cam_high"
STATE = "normalize_inputs.buffer_observation_state"
ACTION = "unnormalize_outputs.buffer_action"
WRITERS = pytest.mark.parametrize("write", [write_older, write_of_2024])


def by_min_and_max(reference_policy, **options):
    """A policy whose vectors are normalised by their smallest and largest values."""
    modes = {"VISUAL": NormalizationMode.MEAN_STD, "STATE": NormalizationMode.MIN_MAX}
    reference = reference_policy(
        normalization_mapping={**modes, "ACTION": NormalizationMode.MIN_MAX}, **options
    )
    config = reference.policy.config
    statistics = {}
    for name, feature in {**config.input_features, **config.output_features}.items():
        shape = (feature.shape[0], *[1] * (len(feature.shape) - 1))
        low = torch.randn(shape)
        statistics[name] = {"mean": low, "std": torch.rand(shape) + 0.5}
        statistics[name] |= {"min": low, "max": low + torch.rand(shape) + 0.5}
    reference.preprocessor, reference.postprocessor = make_pre_post_processors(
        config, dataset_stats=statistics
    )
    return reference


def migrated(folder, out, monkeypatch):
    """lerobot's own migration of a folder: how it then acts."""
    # The hub would check the card.
    card = SimpleNamespace(save=lambda _path: None)
    monkeypatch.setattr(ACTPolicy, "generate_model_card", lambda *_, **__: card)
    arguments = ["migrate", "--pretrained-path", str(folder), "--output-dir", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    migrate_policy_normalization.main()
    policy = ACTPolicy.from_pretrained(out).eval()
    return policy, *make_pre_post_processors(policy.config, pretrained_path=str(out))


def refusal(folder):
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu", engine="eager")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(folder) in sentence
    return sentence


def change_weights(folder, change):
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    change(weights)
    safetensors.torch.save_file(weights, path)


def edit(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("make", [lambda policy, **o: policy(**o), by_min_and_max])
def test_it_acts_as_lerobots_migration_of_it_does(reference_policy, tmp_path, monkeypatch, make):
    reference = make(reference_policy, cameras={TOP: (32, 40)})
    folder = write_older(reference, tmp_path / "old")
    theirs = migrated(folder, tmp_path / "new", monkeypatch)
    reference.policy, reference.preprocessor, reference.postprocessor = theirs
    policy = load_policy(folder, device="cpu")
    rng = np.random.default_rng(0)
    for _ in range(9):
        observation = reference.observation(rng)
        expected = reference.select_action(observation)
        found = policy.step(observation).action
        assert reference.normalised_difference(found, expected) <= 1e-5
    assert policy.spec.statistics == load_policy(tmp_path / "new", device="cpu").spec.statistics


@WRITERS
@pytest.mark.parametrize("make", [lambda policy, **o: policy(**o), by_min_and_max])
@pytest.mark.parametrize(
    "options",
    [
        # Migrated by lerobot, the statistics of cam_high belong to cam.high, and are not used.
        {"cameras": {HIGH: (32, 40), TOP: (40, 32)}},
        {"cameras": {}, "environment_dim": 3},
    ],
)
def test_it_acts_as_the_same_policy_with_processors_does(
    reference_policy, tmp_path, write, make, options
):
    reference = make(reference_policy, **options)
    observation = reference.observation(np.random.default_rng(0))
    policy = load_policy(write(reference, tmp_path / "old"), device="cpu")
    expected = reference.select_action(observation)
    assert reference.normalised_difference(policy.step(observation).action, expected) <= 1e-5
    assert policy.spec.cameras == load_policy(reference.save(tmp_path / "new")).spec.cameras


def test_the_numbers_are_those_of_the_formula(reference_policy, tmp_path):
    """(x - mean) / (std + 1e-8), and back: from lerobot 0.3's normalize.py."""
    reference = reference_policy(cameras={TOP: (32, 40)})
    buffers = buffers_of(reference)
    policy = load_policy(write_older(reference, tmp_path / "old"), device="cpu")
    observation = reference.observation(np.random.default_rng(0))
    prepared = policy.prepare([observation])
    mean, std = (buffers[f"{STATE}.{name}"].numpy() for name in ("mean", "std"))
    state = (observation["observation.state"] - mean) / (std + 1e-8)
    np.testing.assert_allclose(prepared.state[0].numpy(), state, atol=1e-6)
    name = f"normalize_inputs.buffer_{TOP.replace('.', '_')}"
    mean, std = (buffers[f"{name}.{each}"].numpy() for each in ("mean", "std"))
    image = (observation[TOP].transpose(2, 0, 1) / 255 - mean) / (std + 1e-8)
    np.testing.assert_allclose(prepared.images[0][0].numpy(), image, atol=1e-5)
    result = policy.forward(prepared)
    mean, std = (buffers[f"{ACTION}.{each}"].numpy() for each in ("mean", "std"))
    np.testing.assert_allclose(result.chunks, result.normalised * std + mean, atol=1e-6)


def test_the_embedding_had_another_name_until_july_2024(reference_policy, tmp_path):
    reference = reference_policy(cameras={TOP: (32, 40)})
    folder = write_of_2024(reference, tmp_path / "old", temporal_ensemble_momentum=None)

    def rename(weights):
        tensor = weights.pop("model.encoder_1d_feature_pos_embed.weight")
        weights["model.encoder_robot_and_latent_pos_embed.weight"] = tensor

    change_weights(folder, rename)
    observation = reference.observation(np.random.default_rng(0))
    found = load_policy(folder, device="cpu").step(observation).action
    assert reference.normalised_difference(found, reference.select_action(observation)) <= 1e-5


def test_statistics_of_targets_may_be_left_out(reference_policy, tmp_path):
    folder = write_older(reference_policy(cameras={TOP: (32, 40)}), tmp_path / "old")
    change_weights(folder, lambda w: [w.pop(k) for k in list(w) if k.startswith("normalize_t")])
    assert load_policy(folder, device="cpu", engine="eager").engine.name == "eager"


@pytest.fixture
def older(reference_policy, tmp_path):
    return write_older(reference_policy(cameras={TOP: (32, 40)}), tmp_path / "old")


@pytest.mark.parametrize(
    ("feature", "key"),
    [
        ("observation.state", f"{STATE}.std"),
        (TOP, "normalize_inputs.buffer_observation_images_top.mean"),
        ("action", f"{ACTION}.std"),
    ],
)
def test_a_missing_buffer_is_named_with_its_feature(older, feature, key):
    change_weights(older, lambda weights: weights.pop(key))
    sentence = refusal(older)
    assert "was saved before lerobot 0.4" in sentence
    assert f"lacks {key}, which {feature} is normalised by" in sentence


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("normalize_inputs.buffer_observation_effort.mean", "is of no feature that config.json"),
        (f"{STATE}.max", "is of no feature that config.json says is normalised so"),
        ("normalize_inputs.observation_state_mean", "is not a buffer that lerobot had before 0.4"),
    ],
)
def test_a_buffer_too_many_is_refused(older, key, said):
    change_weights(older, lambda weights: weights.update({key: torch.zeros(6)}))
    assert f"{key} in model.safetensors {said}" in refusal(older)


def test_a_config_of_another_normalisation_than_the_weights_is_refused(older):
    edit(older, normalization_mapping={"VISUAL": "MEAN_STD", "ACTION": "MEAN_STD"})
    assert f"{STATE}.mean in model.safetensors is of no feature that config.json" in refusal(older)
    edit(older, normalization_mapping=dict.fromkeys(("VISUAL", "STATE", "ACTION"), "MIN_MAX"))
    assert "lacks normalize_inputs.buffer_observation_" in refusal(older)


def test_targets_and_outputs_that_differ_are_refused(older):
    change_weights(older, lambda weights: weights[f"{ACTION}.mean"].add_(1))
    sentence = refusal(older)
    assert f"normalize_targets.buffer_action.mean and {ACTION}.mean in model.saf" in sentence


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (torch.full((6,), torch.inf), "observation.state.std in model.safetensors is not all fin"),
        (torch.ones(5), "observation.state.std in model.safetensors has shape (5,)"),
        (-torch.ones(6), "observation.state.std in model.safetensors is negative"),
    ],
)
def test_statistics_that_no_data_has_are_refused_as_in_processors(older, wrong, said):
    change_weights(older, lambda weights: weights.update({f"{STATE}.std": wrong}))
    assert said in refusal(older)


def test_two_features_of_one_buffer_are_refused(reference_policy, tmp_path):
    cameras = {"observation.images.cam_high": (32, 40), "observation.images.cam.high": (32, 40)}
    folder = write_older(reference_policy(cameras=cameras), tmp_path / "old")
    assert "shared the buffer observation_images_cam_high" in refusal(folder)


def test_statistics_in_the_weights_and_in_processors_are_refused(reference_policy, tmp_path):
    reference = reference_policy(cameras={TOP: (32, 40)})
    folder = write_older(reference, tmp_path / "old")
    reference.preprocessor.save_pretrained(folder)
    assert "normalises twice: in model.safetensors, as before lerobot 0.4, and in" in refusal(
        folder
    )


def test_a_loader_of_another_type_may_still_ask_for_processors(older):
    with pytest.raises(PolicyError, match=r"migrate it with python -m lerobot\.processor\.migrate"):
        read_pipelines(open_checkpoint(older, None))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"temporal_ensemble_momentum": 0.99}, "write temporal_ensemble_coeff instead"),
        (
            {"temporal_ensemble_momentum": "a\nb"},
            "temporal_ensemble_momentum 'a\\nb' in config.json",
        ),
        ({"input_shapes": [3, 4]}, "input_shapes in config.json must be a mapping by feature"),
        (
            {"input_normalization_modes": {"observation.effort": "mean_std"}},
            "has observation.effort, which input_shapes does not have",
        ),
        (
            {"output_normalization_modes": {"action": "quantiles"}},
            "action is normalised by 'quantiles' in config.json: it must be mean_std or min_max",
        ),
        ({"output_shapes": None, "output_normalization_modes": None}, "must have 'action'"),
    ],
    ids=str,
)
def test_a_config_of_2024_that_makes_no_policy(reference_policy, tmp_path, fields, said):
    folder = write_of_2024(reference_policy(cameras={TOP: (32, 40)}), tmp_path / "old", **fields)
    assert said in refusal(folder)


def test_cameras_of_different_modes_are_refused(reference_policy, tmp_path):
    cameras = {HIGH: (32, 40), TOP: (32, 40)}
    modes = {HIGH: "mean_std", "observation.state": "mean_std"}
    reference = reference_policy(cameras=cameras)
    folder = write_of_2024(reference, tmp_path / "old", input_normalization_modes=modes)
    said = f"config.json normalises {HIGH} by MEAN_STD and {TOP} by IDENTITY: since 0.2 lerobot"
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"use_mpc": True}, "is a policy of type 'tdmpc': known are act"),
        ({"vqvae_n_embed": 16}, "is a policy of type 'vqbet'"),
        ({}, "config.json names no policy type"),
    ],
)
def test_the_type_of_a_config_of_2024_is_told_by_its_fields(tmp_path, fields, said):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"input_shapes": {}, **fields}))
    assert said in refusal(folder)


def test_a_diffusion_policy_of_2024_is_known_by_its_scheduler(tmp_path):
    fields = {"input_shapes": {}, "noise_scheduler_type": "DDPM"}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert open_checkpoint(tmp_path, None).kind == "diffusion"
