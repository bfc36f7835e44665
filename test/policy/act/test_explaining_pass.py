# SPDX-License-Identifier: Apache-2.0
"""Written-out gradients against autograd's, compiled ones too, and what is chosen."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from engine_checks import needs_openvino

from pam_ros.attention.contribution import ContributionRequest
from pam_ros.policy import PolicyError, wrap
from pam_ros.policy.act import explaining_pass
from pam_ros.policy.act.explaining_pass import AutogradPass, Choice, choose
from pam_ros.policy.act.graph import ActGraph
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.picture_gradient import PictureGradient
from pam_ros.policy.act.token_gradient import TokenGradient

TOP, WRIST = "observation.images.top", "observation.images.wrist"
OPTIONS = [
    {},
    {"pre_norm": True, "n_decoder_layers": 2},
    {"n_decoder_layers": 3, "n_encoder_layers": 1, "feedforward_activation": "gelu"},
    {"n_heads": 8, "state_dim": 0, "environment_dim": 3},
]


def wrapped(reference, **settings):
    settings = {"engine": "eager", **settings}
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor, **settings)


def plain_graph(reference, cameras=()):
    graph = ActGraph(reference.policy.model, cameras, PlainKernels())
    return graph.requires_grad_(requires_grad=False)


def relative(found, known):
    return float((found - known).abs().max() / known.abs().max())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_written_out_gradient_of_tokens_is_autograds(reference_policy, options):
    reference = reference_policy(cameras={}, **{"environment_dim": 2, **options})
    graph = plain_graph(reference)
    noise = torch.Generator().manual_seed(1)
    count = 1 + sum(bool(options.get(k, d)) for k, d in (("state_dim", 6), ("environment_dim", 2)))
    tokens = torch.randn(1, count, graph.latent.shape[2], generator=noise)
    direction = torch.randn(10, 4, generator=noise)
    with torch.inference_mode():
        gradient, chunk = TokenGradient(graph)(tokens, direction)
        torch.testing.assert_close(chunk, graph.chunk_of(tokens))
    known = AutogradPass(graph, None, "float32").token_gradients(tokens, [direction])[0]
    assert relative(gradient, known) < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {"cameras": {TOP: (64, 96), WRIST: (33, 48)}, "pre_norm": True},
        {"cameras": {TOP: (64, 96), WRIST: (64, 96)}, "state_dim": 0, "environment_dim": 3},
        {"cameras": {TOP: (70, 101)}, "feedforward_activation": "gelu", "n_decoder_layers": 2},
        {"vision_backbone": "resnet50", "cameras": {TOP: (64, 64)}},
        {
            "vision_backbone": "resnet50",
            "replace_final_stride_with_dilation": True,
            "cameras": {TOP: (64, 80)},
        },
    ],
    ids=str,
)
def test_the_written_out_gradient_of_pictures_is_autograds(reference_policy, options):
    reference = reference_policy(**options)
    policy = wrapped(reference)
    prepared = policy.prepare([reference.observation(np.random.default_rng(1))])
    graph = plain_graph(
        reference, [(camera.rows, camera.cols) for camera in policy.spec.layout.cameras]
    )
    direction = torch.randn(10, 4, generator=torch.Generator().manual_seed(1))
    known = AutogradPass(graph, None, "float32").picture_gradients(prepared, [direction])[0]
    with torch.inference_mode():
        found = PictureGradient(graph)(*prepared, direction)
    for ours, theirs in zip(found, known, strict=True):
        assert relative(ours, theirs) < 1e-4


def contributions(policy, observation, method):
    request = ContributionRequest(method)
    maps = policy.contribute(observation, request).maps(policy.spec.layout)
    return np.concatenate([camera.signed.ravel() for camera in maps.cameras])


@needs_openvino
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_compiled_contributions_are_autograds(reference_policy, monkeypatch, tmp_path, dtype):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    reference = reference_policy(cameras={TOP: (64, 96), WRIST: (33, 48)})
    observation = reference.observation(np.random.default_rng(1))
    found = {}
    for where in ("autograd", "openvino"):
        choice = Choice(where, "float32" if where == "autograd" else dtype, "a test")
        monkeypatch.setattr("pam_ros.policy.act.contribution_graphs.choose", lambda *_, c=choice: c)
        policy = wrapped(reference)
        found[where] = {
            method: contributions(policy, observation, method)
            for method in ("token_contribution", "contribution")
        }
        explaining, _ = policy._contributor._graphs._made[False]
        assert explaining.name.startswith("eager" if where == "autograd" else "openvino")
    for method, known in found["autograd"].items():
        ours = found["openvino"][method]
        if dtype == "float32":
            assert np.abs(ours - known).max() < 1e-4 * np.abs(known).max()
        else:
            # Of so small a random network; the demo policy's are nearer.
            assert np.corrcoef(ours, known)[0, 1] > 0.95


@needs_openvino
def test_a_compiled_gradient_that_differs_is_not_taken(reference_policy, monkeypatch, caplog):
    monkeypatch.setattr(explaining_pass, "SMALL", 0)
    monkeypatch.setattr(explaining_pass, "_ALIKE", {"float32": 2.0, "bfloat16": 2.0})
    policy = wrapped(reference_policy(cameras={TOP: (64, 64)}))
    observation = reference_policy(cameras={TOP: (64, 64)}).observation(np.random.default_rng(1))
    with caplog.at_level(logging.WARNING):
        policy.contribute(observation, ContributionRequest("token_contribution"))
    assert "contributions by eager" in caplog.text
    assert "differs from autograd's: their cosine is" in caplog.text


def spec(device="cpu", height=240):
    camera = SimpleNamespace(height=height, width=320)
    return SimpleNamespace(device=device, cameras=[camera])


def test_what_computes_is_chosen_by_device_pictures_and_package(monkeypatch):
    assert choose(spec(height=204), "float32") == ("autograd", "float32", "its pictures are small")
    assert choose(spec("cuda:0"), "bfloat16") == ("autograd", "bfloat16", "the device is cuda:0")

    def missing():
        raise PolicyError("no package")

    monkeypatch.setattr(explaining_pass, "import_openvino", missing)
    where, dtype, reason = choose(spec(), "int8")
    assert (where, dtype, reason) == (
        "autograd",
        "float32",
        "the package openvino is not installed",
    )


@needs_openvino
@pytest.mark.parametrize(("capable", "dtype"), [(["FP32"], "float32"), (["BF16"], "bfloat16")])
def test_bfloat16_is_chosen_where_the_cpu_has_it(monkeypatch, capable, dtype):
    class Core:
        def get_property(self, *_):
            return capable

    monkeypatch.setattr(explaining_pass, "shared_core", lambda _: Core())
    assert choose(spec(), "float32")[:2] == ("openvino", dtype)
