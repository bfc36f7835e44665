# SPDX-License-Identifier: Apache-2.0
"""Tokens and SAEs that the sidecar cannot use: one sentence each, and nothing half-written."""

import json
import pickle
import struct

import numpy as np
import pytest
import rclpy
import safetensors.torch
import torch
from sae_folder import POLICY, WIDTH, tokens_message, write_sae

from pam_ros.bags import BagReader
from pam_ros.msg import TokenActivations
from pam_ros.share.errors import PamRosError


def test_activations_that_are_not_finite_give_an_invalid_message_and_the_node_goes_on(
    sidecar, tmp_path
):
    robot = sidecar(bag=tmp_path / "bag")
    rows = np.ones((8, WIDTH))
    for bad in (np.nan, np.inf, -np.inf):
        rows[4, 5] = bad
        features = robot.tick(tokens_message(1, rows))
        assert not features.valid
        assert "layer encoder is not finite" in features.invalid_reason
        assert len(features.feature) == 0
        assert np.isnan(features.explained_variance)
    marked = TokenActivations(tick=2, policy_sha256=POLICY, invalid_reason="inference skipped: ...")
    assert robot.tick(marked).invalid_reason == "inference skipped: ..."
    assert robot.tick(tokens_message(3)).valid
    robot.node.close()
    with BagReader(tmp_path / "bag") as reader:
        recorded = [reader.decode(message) for message in reader.messages()]
    assert [features.valid for features in recorded] == [False] * 4 + [True]
    assert all(len(features.feature) == 0 for features in recorded[:-1])


def test_weights_that_overflow_are_named_and_the_node_goes_on(sidecar, sae):
    write_sae(sae, scale=1e37)
    robot = sidecar()
    features = robot.tick(tokens_message(0, np.full((8, WIDTH), 1e4)))
    assert not features.valid
    assert "weights are too large" in features.invalid_reason
    assert robot.tick(tokens_message(1, np.zeros((8, WIDTH)))).valid


def test_arrays_that_do_not_fit_are_named(sidecar):
    robot = sidecar()
    message = tokens_message(1)
    message.width = WIDTH + 1
    assert "64 values for 8 rows of 9" in robot.tick(message).invalid_reason
    message = tokens_message(2)
    message.col = message.col[:-1]
    assert "col has not 8 entries" in robot.tick(message).invalid_reason
    empty = tokens_message(3, np.zeros((0, WIDTH)))
    empty.kind = empty.camera = empty.row = empty.col = []
    assert "0 values" in robot.tick(empty).invalid_reason


def test_another_policy_layer_or_width_is_refused_with_both_names_until_the_right_one_comes(
    sidecar,
):
    robot = sidecar()
    other = "b" * 64
    features = robot.tick(tokens_message(0, policy=other))
    assert not features.valid
    assert POLICY in features.invalid_reason
    assert other in features.invalid_reason
    robot.wait(lambda: any(level == b"\x02" and other in text for level, text, _ in robot.reports))
    reason = robot.tick(tokens_message(1, layer="encoder.layers.0")).invalid_reason
    assert "encoder.layers.0" in reason
    reason = robot.tick(tokens_message(2, np.ones((8, WIDTH + 2)))).invalid_reason
    assert f"{WIDTH} values" in reason
    assert robot.tick(tokens_message(3)).valid


def refusal(**parameters) -> str:
    """The sentence with which the node does not start."""
    from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

    arguments = ["--ros-args"]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={value}"]
    rclpy.init(args=arguments)
    try:
        with pytest.raises(PamRosError) as raised:
            SaeRecorderNode()
    finally:
        rclpy.try_shutdown()
    return str(raised.value)


IN_BYTES = {
    "cut off": lambda data: data[:-100],
    "endless header": lambda data: struct.pack("<Q", 1 << 62) + data[8:],
    "pickle": pickle.dumps,
}
IN_TENSORS = {
    "other shape": lambda tensors: {**tensors, "b_enc": torch.zeros(WIDTH)},
    "integers": lambda tensors: {**tensors, "b_enc": tensors["b_enc"].long()},
    "extra tensor": lambda tensors: {**tensors, "more": torch.zeros(3)},
    "not finite": lambda tensors: {**tensors, "W_dec": tensors["W_dec"] * torch.nan},
}
IN_CONFIG = {
    "terabytes": {"d_in": 1 << 24, "d_sae": 1 << 24},
    "other architecture": {"architecture": "transformer"},
}


def damage(folder, kind) -> None:
    """Spoil a good SAE's folder."""
    weights, config = folder / "sae_weights.safetensors", folder / "cfg.json"
    if kind in IN_BYTES:
        weights.write_bytes(IN_BYTES[kind](weights.read_bytes()))
    elif kind in IN_TENSORS:
        tensors = IN_TENSORS[kind](safetensors.torch.load_file(weights))
        safetensors.torch.save_file(tensors, weights)
    elif kind in IN_CONFIG:
        config.write_text(json.dumps(json.loads(config.read_text()) | IN_CONFIG[kind]))
    elif kind == "nested":
        config.write_text("[" * 100_000)
    else:
        (folder / "ood.json").write_text("{}")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cut off", ["sae_weights.safetensors is damaged"]),
        ("endless header", ["sae_weights.safetensors is damaged"]),
        ("pickle", ["sae_weights.safetensors is damaged"]),
        ("other shape", ["b_enc", f"[{WIDTH}]"]),
        ("integers", ["b_enc is I64"]),
        ("extra tensor", ["more", "must hold W_enc"]),
        ("not finite", ["W_dec is not all finite"]),
        ("terabytes", ["too small for the sizes in cfg.json"]),
        ("other architecture", ["'transformer'", "jumprelu"]),
        ("nested", ["cfg.json is damaged"]),
        ("detector", ["ood.json is damaged"]),
    ],
)
def test_a_damaged_or_hostile_sae_is_one_sentence_and_no_bag_is_begun(
    domain, sae, tmp_path, kind, words
):
    damage(sae, kind)
    sentence = refusal(sae=sae, bag=tmp_path / "bag")
    for word in words:
        assert word in sentence
    assert len(sentence.splitlines()) == 1
    assert len(sentence) < 500
    assert not (tmp_path / "bag").exists()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ["'sae'"]),
        ({"sae": "SAE", "storage": "zip"}, ["storage", "mcap", "sqlite3"]),
        ({"sae": "SAE", "saee": "x"}, ["saee", "did you mean 'sae'"]),
        ({"sae": "SAE", "images": "true"}, ["'images'", "'contract'"]),
        ({"sae": "SAE", "contract": "so999"}, ["so999", "demo_arm"]),
        ({"sae": "NOWHERE"}, ["nowhere", "cfg.json"]),
        ({"sae": "SAE", "bag": "EXISTING"}, ["exists already"]),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_at_start_up(domain, sae, tmp_path, parameters, words):
    places = {"SAE": sae, "NOWHERE": tmp_path / "nowhere", "EXISTING": tmp_path}
    sentence = refusal(**{name: places.get(value, value) for name, value in parameters.items()})
    for word in words:
        assert word in sentence


def test_the_process_ends_with_that_sentence_alone(run_node, tmp_path):
    status, errors = run_node("sae_recorder", sae=tmp_path / "nowhere")
    assert status == 1
    assert "Traceback" not in errors
    assert "pam_ros: " in errors
    assert "cfg.json" in errors
