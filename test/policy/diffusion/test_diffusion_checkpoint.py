# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of Diffusion Policy that are older, damaged, or of what cannot run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from older_checkpoints import write_of_2024, write_older
from safetensors.torch import load_file, save_file
from tiny_diffusion import TOP, make_diffusion

from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.noise import noise_generator


def refusal(folder, **options) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu", **options)
    return str(caught.value)


def edit(folder, **fields):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


@pytest.fixture
def saved(tmp_path):
    return make_diffusion().save(tmp_path / "policy")


@pytest.mark.parametrize("write", [write_older, write_of_2024])
def test_one_from_before_lerobot_0_4_moves_the_robot_as_it_did(write, tmp_path):
    reference = make_diffusion()
    policy = load_policy(write(reference, tmp_path / "older"), device="cpu")
    policy.reset()
    observation = reference.observation(np.random.default_rng(0))
    noise = torch.randn(1, 8, 4, generator=noise_generator(0, 1, 0, "commands"))
    theirs = reference.select_action(observation, noise=noise)
    np.testing.assert_allclose(policy.step(observation).action, theirs, atol=1e-6)


def test_half_precision_weights_are_computed_in_float32(saved):
    file = saved / "model.safetensors"
    weights = {key: tensor.half() for key, tensor in load_file(file).items()}
    save_file(weights, file)
    policy = load_policy(saved, device="cpu")
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.float32}


def test_a_compiled_one_is_not_compiled(saved):
    edit(saved, compile_model=True)
    assert (
        type(load_policy(saved, device="cpu").model.unet).__name__ == "DiffusionConditionalUnet1d"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"vision_backbone": "vit"}, "`vision_backbone` must be one of the ResNet variants"),
        ({"horizon": 7}, "horizon should be an integer multiple"),
        ({"n_action_steps": 8}, "n_action_steps 8 must be from 1 to 7: of horizon 8 the first 1"),
        ({"num_inference_steps": 200}, "num_inference_steps 200 in config.json must be at most"),
        ({"spatial_softmax_num_keypoints": 0}, "keypoints 0 in config.json must be from 1 to"),
        ({"down_dims": [16, 10**9]}, "must be widths from 1 to 1000000"),
        ({"down_dims": [16, 64]}, "in model.safetensors is ("),
        ({"n_groups": 7}, "no Diffusion Policy can be built from config.json"),
        ({"output_features": {}}, "output_features must have 'action'"),
        (
            {"input_features": {TOP: {"type": "VISUAL", "shape": [3, 64, 96]}}},
            "input_features must have 'observation.state'",
        ),
    ],
)
def test_a_configuration_that_makes_no_policy_is_refused(saved, fields, said):
    edit(saved, **fields)
    assert said in refusal(saved)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "openvino"}, "runs by engine eager in float32, not by openvino"),
        ({"dtype": "bfloat16"}, "runs by engine eager in float32, not by auto in bfloat16"),
        ({"temporal_ensemble_coeff": 0.01}, "it has no temporal ensembling"),
        ({"n_action_steps": 0}, "n_action_steps 0 must be an integer of 1 or more"),
        ({"n_action_steps": 9}, "n_action_steps 9 must be from 1 to 7"),
    ],
)
def test_what_it_cannot_do_is_refused_at_load(saved, options, said):
    assert said in refusal(saved, **options)


def test_the_caller_says_how_much_of_a_chunk_is_executed(saved):
    policy = load_policy(saved, device="cpu", n_action_steps=7)
    policy.step(make_diffusion().observation(np.random.default_rng(0)))
    assert policy.queued == 6


def test_a_missing_tensor_is_named(saved):
    file = saved / "model.safetensors"
    weights = load_file(file)
    del weights["diffusion.rgb_encoder.pool.nets.bias"]
    save_file(weights, file)
    assert "lacks the tensor rgb_encoder.pool.nets.bias" in refusal(saved)
