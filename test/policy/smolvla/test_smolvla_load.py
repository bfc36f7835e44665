# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that cannot be used, and words that cannot be read, get one clear sentence."""

import json
import logging
import shutil
from importlib import metadata

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.smolvla import packages
from pam_ros.policy.smolvla.positions import wrong_positions

FRONT, WRIST, STATE = "observation.images.front", "observation.images.wrist", "observation.state"


@pytest.fixture
def checkpoint(saved_smolvla, tmp_path):
    return shutil.copytree(saved_smolvla, tmp_path / "smolvla")


def change(file, **fields):
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def refusal(folder, **options):
    with pytest.raises(PolicyError) as caught:
        load_policy(folder, device="cpu", **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_checkpoint_with_its_own_vlm_folder_needs_no_hub(checkpoint):
    policy = load_policy(checkpoint, device="cpu")
    assert (policy.spec.instruction, policy.spec.stochastic, policy.spec.denoising_steps) == (
        True, True, 3,
    )  # fmt: skip
    assert [stack.name for stack in policy.spec.stacks] == ["expert", "expert_joint", "prefix"]
    assert policy.spec.statistics["action"].std is not None


def test_the_files_of_a_vlm_on_the_hub_are_named_with_how_to_get_them(checkpoint):
    shutil.rmtree(checkpoint / "vlm")
    sentence = refusal(checkpoint)
    for words in (
        "needs config.json, preprocessor_config.json, processor_config.json, tokenizer.json",
        "of nobody/smolvlm, and the hub did not give them",
        "run `hf download nobody/smolvlm --include '*.json' --include '*.txt'",
        f"copy them to {checkpoint / 'vlm'}",
    ):
        assert words in sentence


def test_a_folder_of_another_machine_is_named(checkpoint):
    shutil.rmtree(checkpoint / "vlm")
    change(checkpoint / "config.json", vlm_model_name="/home/somebody/vlm")
    assert "names the folder /home/somebody/vlm" in refusal(checkpoint)


def test_a_vlm_folder_elsewhere_is_read(checkpoint, tmp_path):
    shutil.move(checkpoint / "vlm", tmp_path / "elsewhere")
    change(checkpoint / "config.json", vlm_model_name=str(tmp_path / "elsewhere"))
    assert load_policy(checkpoint, device="cpu").spec.instruction
    change(checkpoint / "config.json", vlm_model_name="../elsewhere")
    assert load_policy(checkpoint, device="cpu").spec.instruction


def test_a_file_that_the_vlm_folder_lacks_is_named(checkpoint):
    (checkpoint / "vlm" / "tokenizer.json").unlink()
    assert refusal(checkpoint).endswith("vlm, lacks tokenizer.json")


def test_without_the_extra_it_says_how_to_install_it(checkpoint, monkeypatch):
    known = metadata.version

    def version(package):
        if package in {"transformers", "num2words"}:
            raise metadata.PackageNotFoundError(package)
        return known(package)

    monkeypatch.setattr(packages, "version", version)
    assert refusal(checkpoint).endswith(
        "is a SmolVLA policy, which needs transformers and num2words beside lerobot: "
        "pip install 'pam_ros[smolvla]'"
    )


def test_a_transformers_that_does_not_fit_is_told_with_the_one_that_does(checkpoint, monkeypatch):
    known = metadata.version
    monkeypatch.setattr(
        packages, "version", lambda name: "4.49.0" if name == "transformers" else known(name)
    )
    sentence = refusal(checkpoint)
    assert "needs transformers" in sentence
    assert "for SmolVLA, and 4.49.0 is installed: pip install 'pam_ros[smolvla]'" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temporal_ensemble_coeff": 0.01}, "has no temporal ensemble"),
        ({"engine": "openvino"}, "engine 'openvino' has no SmolVLA: use eager"),
        ({"dtype": "int8"}, "dtype 'int8' cannot be had"),
        ({"dtype": "bfloat16"}, "keep the dtype that they have, float32"),
        ({"n_action_steps": 13}, "n_action_steps 13 must be from 1 to the chunk's 12"),
        ({"n_action_steps": 0}, "n_action_steps 0 must be from 1"),
    ],
)
def test_an_option_that_smolvla_has_not_is_refused(saved_smolvla, options, words):
    assert words in refusal(saved_smolvla, **options)


def test_n_action_steps_is_how_much_of_a_chunk_is_queued(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu", n_action_steps=2)
    policy.instruct("reach")
    policy.step(reference().observation(np.random.default_rng(0)))
    assert policy.queued == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_steps": 0}, "num_steps 0 in config.json must be from 1 to 1000"),
        ({"chunk_size": 0, "n_action_steps": 0}, "chunk_size 0 in config.json"),
        ({"n_action_steps": 13}, "SmolVLAConfig refuses config.json"),
        ({"num_steps": "many"}, "SmolVLAConfig refuses config.json"),
        ({"max_state_dim": 3}, "a vector wider than 3"),
        ({"output_features": {}}, "output_features must have 'action'"),
        ({"resize_imgs_with_padding": [128, 96]}, "square pictures only"),
        ({"resize_imgs_with_padding": [100, 100]}, "must be multiples of 32"),
        ({"num_expert_layers": 3}, "no SmolVLA can be built from config.json"),
        ({"use_cache": False}, "cannot make a step"),
        ({"vlm_model_name": None}, "vlm_model_name None in config.json must be a text"),
        ({"max_action_dim": 7}, "in model.safetensors is"),
    ],
)
def test_a_configuration_that_makes_no_policy_is_refused(checkpoint, fields, words):
    change(checkpoint / "config.json", **fields)
    assert words in refusal(checkpoint)


def test_without_cameras_or_joint_state_it_is_refused(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    features = config["input_features"]
    change(checkpoint / "config.json", input_features={STATE: features[STATE]})
    assert "reads no camera: SmolVLA needs one" in refusal(checkpoint)
    change(checkpoint / "config.json", input_features={FRONT: features[FRONT]})
    assert "has no observation.state in config.json" in refusal(checkpoint)


def test_a_missing_and_a_strange_tensor_are_named(checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    state = weights.pop("model.state_proj.weight")
    save_file(weights, checkpoint / "model.safetensors")
    assert "lacks the tensor model.state_proj.weight" in refusal(checkpoint)
    save_file(
        {**weights, "model.state_proj.weight": state, "x": state.clone()},
        checkpoint / "model.safetensors",
    )
    assert "has the tensor x, for which" in refusal(checkpoint)
    save_file(
        {**weights, "model.state_proj.weight": state * torch.nan}, checkpoint / "model.safetensors"
    )
    assert "is not all finite" in refusal(checkpoint)


def test_a_pre_processor_without_words_is_refused(checkpoint):
    file = checkpoint / "policy_preprocessor.json"
    steps = json.loads(file.read_text())["steps"]
    change(file, steps=[s for s in steps if s.get("registry_name") != "tokenizer_processor"])
    assert "has 0 steps that take words" in refusal(checkpoint)


def test_a_compiled_policy_is_loaded_without_compiling(checkpoint):
    change(checkpoint / "config.json", compile_model=True)
    policy = load_policy(checkpoint, device="cpu")
    assert "sample_actions" not in vars(policy._passes.policy.model)


def test_no_words_no_pass(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    observation = reference().observation(np.random.default_rng(0))
    assert policy.instruction == ""
    for call in (
        lambda: policy.step(observation),
        lambda: policy.explain(observation),
        lambda: policy.explain_later(observation),
        lambda: policy.prepare([observation]),
    ):
        with pytest.raises(PolicyError, match="reads words and was given none: it needs an instr"):
            call()
    with pytest.raises(PolicyError, match="an instruction must be a text, not 5"):
        policy.instruct(5)
    policy.instruct("")
    assert policy.spec.layout.of_kind("language")[0].labels == ("\\n",)
    assert np.isfinite(policy.step(observation).chunk).all()


def test_a_long_instruction_is_cut_as_lerobot_cuts_it_and_said(reference, saved_smolvla, caplog):
    policy = load_policy(saved_smolvla, device="cpu", seed=1)
    text = "reach the red cube and then put the block in the bowl"
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        policy.instruct("reach the red cube")
        assert not caplog.messages
        policy.instruct(text)
    (said,) = caplog.messages
    assert "reads 12 tokens and the instruction has" in said
    assert "it is cut, as lerobot cuts it, after" in said
    labels = policy.spec.layout.of_kind("language")[0].labels
    assert len(labels) == 12
    assert text.startswith("".join(labels))
    theirs = reference()
    observation = theirs.observation(np.random.default_rng(0))
    prepared = policy.prepare([observation])
    expected = theirs.batch(observation, text)["observation.language.tokens"]
    assert torch.equal(prepared.batch["observation.language.tokens"], expected)


def test_an_empty_camera_is_no_camera(reference, tmp_path, caplog):
    theirs = reference(empty_cameras=1)
    with caplog.at_level(logging.INFO):
        policy = load_policy(theirs.save(tmp_path / "empty"), device="cpu")
    assert "no picture for observation.images.empty_camera_0: an empty slot" in caplog.text
    assert [camera.feature for camera in policy.spec.cameras] == [FRONT, WRIST]
    assert sum(g.stop - g.start for g in policy.spec.layout.of_kind("padding")) == 4 + 4 + 16 + (
        12 - len(policy.spec.layout.of_kind("language")[0].labels)
    )


def test_cameras_that_a_rename_map_leaves_out_are_empty_slots(reference, tmp_path):
    """As lerobot-train leaves a policy with more cameras than its data have."""
    theirs = reference(cameras={FRONT: (96, 128), WRIST: (96, 128)}, empty_cameras=1)
    folder = theirs.save(tmp_path / "renamed")
    file = folder / "policy_preprocessor.json"
    pipeline = json.loads(file.read_text())
    for step in pipeline["steps"]:
        if step.get("registry_name") == "rename_observations_processor":
            step["config"]["rename_map"] = {"observation.images.top": FRONT}
    file.write_text(json.dumps(pipeline))
    policy = load_policy(folder, device="cpu", seed=3)
    policy.instruct("reach")
    assert [camera.feature for camera in policy.spec.cameras] == [FRONT]
    assert policy.spec.renames == {"observation.images.top": FRONT}
    observation = theirs.observation(np.random.default_rng(0))
    del observation[WRIST]
    prepared = policy.prepare([observation])
    with torch.inference_mode():
        expected = theirs.policy.predict_action_chunk(
            theirs.batch(observation, "reach"), noise=prepared.noise
        )
    assert np.array_equal(policy.forward(prepared).normalised, expected.numpy())


def test_wrong_positions_of_patches_are_said(saved_smolvla, caplog):
    """transformers 4.57 in float32; later ones have it right, and nothing is said."""
    import transformers

    load_policy(saved_smolvla, device="cpu")
    said = [text for text in caplog.messages if "the position of a neighbour" in text]
    wrong = transformers.__version__.startswith("4.")
    assert len(said) == wrong
    if wrong:
        assert "63 of its vision tower's 64 patches" in said[0]
        assert "is float32 (transformers#41190). Actions are lerobot's own" in said[0]


def test_positions_in_order_are_right():
    assert wrong_positions(torch.arange(16)) == 0
    assert wrong_positions(torch.tensor([0, 1, 3, 4])) == 0  # 2 x 2 in a table of 3 x 3
    assert wrong_positions(torch.tensor([0, 0, 1, 2])) == 3


def test_a_dtype_that_lerobot_would_change_is_said(reference, tmp_path, caplog):
    theirs = reference()
    theirs.policy.model.vlm_with_expert.vlm.to(torch.bfloat16)
    policy = load_policy(theirs.save(tmp_path / "half"), device="cpu")
    assert policy.engine.dtype == "bfloat16"
    assert "weights are bfloat16 and stay so; lerobot would make them float32" in caplog.text
    assert load_policy(tmp_path / "half", device="cpu", dtype="bfloat16").engine.name == "eager"


@pytest.mark.parametrize("tied", [True, False])
def test_the_language_model_s_head_is_not_needed(reference, vlm, tmp_path, tied):
    """Tied to the embedding, safetensors keeps one name of the two; a checkpoint may lack it."""
    folder = shutil.copytree(vlm, tmp_path / "vlm")
    config = json.loads((folder / "config.json").read_text())
    change(folder / "config.json", tie_word_embeddings=tied)
    change(
        folder / "config.json", text_config={**config["text_config"], "tie_word_embeddings": tied}
    )
    theirs = reference(vlm_model_name=str(folder))
    checkpoint = theirs.save(tmp_path / "smolvla")
    weights = load_file(checkpoint / "model.safetensors")
    heads = [key for key in weights if "lm_head" in key]
    embeddings = [key for key in weights if "embed_tokens" in key]
    if embeddings:
        save_file(
            {key: value for key, value in weights.items() if key not in heads},
            checkpoint / "model.safetensors",
        )
    policy = load_policy(checkpoint, device="cpu")
    policy.instruct("reach")
    observation = theirs.observation(np.random.default_rng(0))
    prepared = policy.prepare([observation])
    with torch.inference_mode():
        expected = theirs.policy.predict_action_chunk(
            theirs.batch(observation, "reach"), noise=prepared.noise
        )
    assert np.array_equal(policy.forward(prepared).normalised, expected.numpy())
    assert not any("lm_head" in name for name, _ in policy._passes.policy.named_parameters())
