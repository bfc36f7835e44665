# SPDX-License-Identifier: Apache-2.0
"""What loads, and the one sentence that everything else gets."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket

import huggingface_hub
import numpy as np
import pytest
import safetensors.torch
import torch

from pam_ros.policy import PolicyError, load_policy


@pytest.fixture
def spoiled(saved, tmp_path):
    """A copy of a good checkpoint, to be spoiled."""
    return shutil.copytree(saved, tmp_path / "act")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        message = "the network was used"
        raise OSError(message)

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def edit(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def refusal(folder, **options):
    """The sentence, which must be one line and name the checkpoint."""
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, **{"device": "cpu", **options})
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(folder) in sentence
    return sentence


def test_imagenet_weights_are_never_downloaded(reference_policy, spoiled, no_network):
    edit(spoiled / "config.json", pretrained_backbone_weights="ResNet18_Weights.IMAGENET1K_V1")
    policy = load_policy(spoiled, device="cpu")
    reference = reference_policy()
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.select_action(observation)
    assert reference.normalised_difference(policy.step(observation).action, expected) <= 1e-5


def test_sha256_is_that_of_the_weights_file(saved):
    digest = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert load_policy(saved, device="cpu").spec.sha256 == digest


def test_a_checkpoint_saved_on_cuda_loads_on_the_cpu(saved, spoiled, reference_policy):
    edit(spoiled / "config.json", device="cuda")
    pipeline = spoiled / "policy_preprocessor.json"
    pipeline.write_text(pipeline.read_text().replace('"cpu"', '"cuda"'))
    assert '"cuda"' in pipeline.read_text()
    observation = reference_policy().observation(np.random.default_rng(0))
    expected = load_policy(saved, device="cpu").step(observation)
    policy = load_policy(spoiled, device="cpu")
    assert policy.spec.device == "cpu"
    np.testing.assert_array_equal(policy.step(observation).chunk, expected.chunk)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision_are_computed_in_float32(spoiled, reference_policy, dtype):
    path = spoiled / "model.safetensors"
    stored = {key: tensor.to(dtype) for key, tensor in safetensors.torch.load_file(path).items()}
    safetensors.torch.save_file(stored, path)
    reference = reference_policy()
    reference.policy.load_state_dict({key: tensor.float() for key, tensor in stored.items()})
    observation = reference.observation(np.random.default_rng(0))
    output = load_policy(spoiled, device="cpu").step(observation)
    assert output.chunk.dtype == np.float32
    expected = reference.select_action(observation)
    assert reference.normalised_difference(output.action, expected) <= 1e-5


@pytest.mark.parametrize("use_vae", [True, False])
def test_the_vae_encoder_may_be_there_or_be_stripped(spoiled, use_vae):
    path = spoiled / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    assert any(key.startswith("model.vae_encoder") for key in weights)
    stripped = {k: t for k, t in weights.items() if not k.startswith("model.vae_encoder")}
    safetensors.torch.save_file(stripped, path)
    edit(spoiled / "config.json", use_vae=use_vae)
    assert load_policy(spoiled, device="cpu").engine.name != "hooks"


def test_fields_of_a_newer_lerobot_are_left_out_with_a_warning(spoiled, caplog):
    edit(spoiled / "config.json", pretrained_revision_of_the_future="main")
    load_policy(spoiled, device="cpu")
    assert "does not know pretrained_revision_of_the_future" in caplog.text


def test_loading_leaves_the_random_numbers_alone(saved):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_policy(saved, device="cpu")
    torch.testing.assert_close(torch.rand(3), expected, atol=0, rtol=0)


def test_a_missing_folder(tmp_path, no_network):
    assert "there is no folder" in refusal(tmp_path / "nothing")
    assert "is a file" in refusal(__file__)


def test_a_hub_out_of_reach(no_network):
    sentence = refusal("nobody/act-of-nobody")
    assert "the hub did not give model nobody/act-of-nobody" in sentence


def test_a_hub_model_is_read_without_its_pickles(saved, monkeypatch):
    asked = {}

    def download(repo, **options):
        asked.update(options, repo=repo)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    policy = load_policy("user/act", device="cpu", revision="v1")
    assert policy.spec.name == asked["repo"] == "user/act"
    assert asked["revision"] == "v1"
    assert sorted(asked["allow_patterns"]) == [
        "adapter_config.json",
        "config.json",
        "model.safetensors",
        "policy_postprocessor*",
        "policy_preprocessor*",
        "vlm/*.jinja",
        "vlm/*.json",
        "vlm/*.txt",
    ]


def test_a_revision_of_a_folder(saved):
    assert "needs a hub id" in refusal(saved, revision="main")


def test_a_folder_without_config(tmp_path, saved):
    assert "has no config.json" in refusal(tmp_path)
    shutil.copytree(saved, tmp_path / "pretrained_model")
    assert "pretrained_model has one" in refusal(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "policy_preprocessor.json"])
@pytest.mark.parametrize("content", [b'{"type": ', b"\xff\xfe", b"[1, 2]"])
def test_unreadable_json(spoiled, file, content):
    (spoiled / file).write_bytes(content)
    sentence = refusal(spoiled)
    assert f"{file} is damaged" in sentence or f"{file} must hold a JSON object" in sentence


def test_a_policy_of_no_known_type_is_named(spoiled):
    edit(spoiled / "config.json", type="tdmpc")
    assert "is a policy of type 'tdmpc'" in refusal(spoiled)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "policy.ckpt"])
def test_a_pickle_checkpoint_is_not_opened(spoiled, file):
    (spoiled / "model.safetensors").rename(spoiled / file)
    assert f"{file}, a pickle, which is not read" in refusal(spoiled)
    (spoiled / file).unlink()
    assert "has no model.safetensors" in refusal(spoiled)


@pytest.mark.parametrize("size", [0, 4, 100, 100_000])
def test_damaged_weights(spoiled, size):
    path = spoiled / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert "model.safetensors is damaged" in refusal(spoiled)


def test_a_git_lfs_pointer(spoiled):
    (spoiled / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "git lfs pull" in refusal(spoiled)


def change_weights(folder, change):
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    change(weights)
    safetensors.torch.save_file(weights, path)


def test_a_missing_tensor(spoiled):
    change_weights(spoiled, lambda weights: weights.pop("model.action_head.bias"))
    assert "lacks the tensor action_head.bias" in refusal(spoiled)


def test_a_tensor_too_many(spoiled):
    edit(spoiled / "config.json", n_encoder_layers=1)
    sentence = refusal(spoiled)
    assert "has encoder.layers.1." in sentence
    assert "and 11 more tensors" in sentence


def test_a_tensor_of_another_shape(spoiled):
    edit(spoiled / "config.json", dim_feedforward=50)
    assert re.search(
        r"\.linear\d\.\w+ in .* is \(.*48.*\), but .* makes it \(.*50", refusal(spoiled)
    )


def test_a_weight_that_is_not_finite(spoiled):
    change_weights(spoiled, lambda w: w["model.action_head.bias"].fill_(float("nan")))
    assert "action_head.bias in model.safetensors is not all finite" in refusal(spoiled)


def test_a_checkpoint_without_processors_and_without_statistics(spoiled):
    (spoiled / "policy_preprocessor.json").unlink()
    sentence = refusal(spoiled)
    assert "has no policy_preprocessor.json, and no normalisation inside model.saf" in sentence
    assert "as policies had before lerobot 0.4" in sentence


def test_a_config_that_names_no_type_is_taken_by_its_fields(spoiled):
    config = spoiled / "config.json"
    fields = json.loads(config.read_text())
    del fields["type"]
    config.write_text(json.dumps(fields))
    assert load_policy(spoiled, device="cpu").engine.name == "eager"
    del fields["n_vae_encoder_layers"]
    config.write_text(json.dumps(fields))
    assert "config.json names no policy type" in refusal(spoiled)


@pytest.mark.parametrize("left", [(), ("config.json",), ("config.json", "model.safetensors")])
def test_an_adapter_alone_is_told_with_its_policy(spoiled, left):
    for file in spoiled.iterdir():
        if file.name not in left:
            file.unlink()
    if left:
        edit(spoiled / "config.json", use_peft=True)
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "user/act_base"}
    (spoiled / "adapter_config.json").write_text(json.dumps(adapter))
    assert "is a PEFT adapter of user/act_base (adapter_config.json), not a whole" in refusal(
        spoiled
    )


def test_an_adapter_that_was_merged_is_no_hindrance(spoiled):
    (spoiled / "adapter_config.json").write_text("{}")
    assert load_policy(spoiled, device="cpu").engine.name == "eager"


def test_a_processor_may_not_name_any_class(spoiled, tmp_path):
    """lerobot would import and call it."""
    path = spoiled / "policy_preprocessor.json"
    marker = tmp_path / "called"
    step = {"class": "pathlib.Path.touch", "config": {"self": str(marker)}}
    pipeline = json.loads(path.read_text())
    path.write_text(json.dumps({**pipeline, "steps": [step, *pipeline["steps"]]}))
    assert "names step 'pathlib.Path.touch', which is not one of lerobot's" in refusal(spoiled)


def test_a_processor_that_lerobot_does_not_know(spoiled):
    edit(spoiled / "policy_preprocessor.json", steps=[{"registry_name": "of_the_future"}])
    assert "of_the_future" in refusal(spoiled)
    edit(spoiled / "policy_preprocessor.json", steps=["of_the_future"])
    assert "must hold a list of steps" in refusal(spoiled)


def test_a_missing_processor_state(spoiled):
    (state,) = spoiled.glob("policy_postprocessor*.safetensors")
    state.unlink()
    assert f"names '{state.name}', which is not a file in the folder" in refusal(spoiled)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n_action_steps": 0}, "n_action_steps 0 must be at least 1"),
        ({"n_action_steps": 99}, "chunk size is the upper bound"),
        ({"vision_backbone": "vit"}, "ResNet"),
        ({"vision_backbone": "resnet999"}, "no ACT network can be built"),
        ({"dim_model": "wide"}, "dim_model"),
        ({"n_heads": 5}, "no ACT network can be built"),
        ({"input_features": {}}, "at least one image"),
        ({"output_features": {}}, "output_features must have 'action'"),
        # Each would take memory or time without end.
        ({"n_encoder_layers": 10**12}, "n_encoder_layers 1000000000000 in config.json must be at"),
        ({"dim_model": 10**9}, "dim_model 1000000000 in config.json must be at most"),
        (
            {
                "input_features": {
                    "observation.images.top": {"type": "VISUAL", "shape": [3, 10**6, 10**6]}
                }
            },
            "observation.images.top has shape (3, 1000000, 1000000) in config.json",
        ),
    ],
    ids=str,
)
def test_a_config_that_makes_no_policy(spoiled, fields, said):
    edit(spoiled / "config.json", **fields)
    assert said in refusal(spoiled)


def test_a_camera_that_is_not_rgb(spoiled):
    features = json.loads((spoiled / "config.json").read_text())["input_features"]
    features["observation.images.top"]["shape"] = [1, 64, 96]
    edit(spoiled / "config.json", input_features=features)
    assert "it must be (3, H, W)" in refusal(spoiled)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_there(saved, device):
    with pytest.raises(PolicyError, match=f"device '{device}' cannot be used here"):
        load_policy(saved, device=device)
