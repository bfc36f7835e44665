# SPDX-License-Identifier: Apache-2.0
"""What the tests of the engines share."""

from __future__ import annotations

import importlib
import shutil

import numpy as np
import pytest
import torch

from pam_ros.policy import wrap
from pam_ros.policy.act.hooks import HookedForward

TOP, WRIST = "observation.images.top", "observation.images.wrist"

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
# What changes the graph, each at least once.
CONFIGURATIONS = [
    {"cameras": {TOP: (64, 96), WRIST: (48, 64)}, "environment_dim": 3},
    {"cameras": {TOP: (64, 64)}, "pre_norm": True, "n_decoder_layers": 2, "state_dim": 0},
    {"cameras": {}, "environment_dim": 2, "n_decoder_layers": 3, "use_vae": False},
    {
        "cameras": {TOP: (40, 56)},
        "vision_backbone": "resnet50",
        "replace_final_stride_with_dilation": True,
    },
]


def wrapped(reference, engine, dtype="float32"):
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor, engine, dtype)


def assert_lerobots(policy, reference, observation):
    """The policy's output against lerobot's own pass, with the weights taken by hooks."""
    layers = range(policy.spec.encoder_layers)
    policy.show_encoder_layers(layers)
    output = policy.explain(observation)
    expected = HookedForward(reference.policy.model)(policy.prepare([observation]), layers)
    chunk = reference.postprocessor(expected.chunk[0]).numpy()
    assert reference.normalised_difference(output.chunk, chunk) <= 1e-5
    assert np.abs(output.attention - expected.attention[0].numpy()).max() <= 1e-6
    assert np.abs(output.tokens - expected.places[-1][0].numpy()).max() <= 1e-4
    for layer in layers:
        weights = expected.encoder_attention[layer][0].numpy()
        # The folded ResNet rounds its features differently, and softmax passes that on.
        assert np.abs(output.encoder_attention[layer] - weights).max() <= 5e-5
    policy.show_encoder_layers(layers, mean_over_heads=True)
    averaged = policy.explain(observation).encoder_attention
    for layer in layers:
        assert averaged[layer].shape[0] == 1
        mean = output.encoder_attention[layer].mean(axis=0)
        assert np.abs(averaged[layer][0] - mean).max() <= 1e-6
