# SPDX-License-Identifier: Apache-2.0
"""The written-out pass against lerobot's own, over what ACTConfig allows."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pam_ros.policy import wrap
from pam_ros.policy.act import graph as act_graph
from pam_ros.policy.act.graph import DecoderLayer, EncoderLayer
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.passes import Edit, Prepared

TOP, WRIST, SIDE = (f"observation.images.{name}" for name in ("top", "wrist", "side"))


def inputs_of(reference, observation):
    """What lerobot's own preprocessor makes of an observation."""
    batch = reference.batch(observation)
    images = tuple(batch[name] for name in reference.policy.config.image_features)
    vectors = (batch.get(f"observation.{name}") for name in ("state", "environment_state"))
    return Prepared(images, *vectors)


def assert_same(reference, seed=0):
    """Both passes on the same observation; lerobot's chunk is also taken without any hook."""
    wrapped = wrap(reference.policy, reference.preprocessor, reference.postprocessor, "eager")
    assert wrapped.engine.name == "eager"
    spec = wrapped.spec
    observation = reference.observation(np.random.default_rng(seed))
    inputs = inputs_of(reference, observation)
    layers = range(spec.encoder_layers)
    ours = wrapped.forward(inputs, encoder_layers=layers)
    hooked = HookedForward(reference.policy.model)(inputs, layers)
    with torch.inference_mode():
        # lerobot reads the joint state's device even where the policy has no joint state.
        plain = reference.policy.predict_action_chunk(
            {"observation.state": torch.zeros(1, 1), **reference.batch(observation)}
        )
    torch.testing.assert_close(hooked.chunk, plain, atol=0, rtol=0)
    assert ours.normalised.shape == (1, spec.chunk_size, spec.action_dim)
    assert ours.attention.shape == (1, spec.layers, spec.heads, spec.chunk_size, spec.layout.size)
    assert np.abs(ours.normalised - plain.numpy()).max() <= 1e-5
    assert np.abs(ours.attention - hooked.attention.numpy()).max() <= 1e-6
    assert np.abs(ours.tokens - hooked.places[-1].numpy()).max() <= 1e-4
    assert np.abs(ours.attention.sum(-1) - 1).max() <= 1e-5
    graph = wrapped._forward._graph
    for layer in layers:
        with torch.inference_mode():
            same_tokens = graph.encoder_attentions([layer], hooked.places)[layer]
            mean = graph.encoder_attentions([layer], hooked.places, mean_over_heads=True)[layer]
        assert (same_tokens - hooked.encoder_attention[layer]).abs().max() <= 1e-6
        expected = hooked.encoder_attention[layer].mean(dim=1, keepdim=True)
        assert (mean - expected).abs().max() <= 1e-6
        # The folded ResNet rounds its features differently, and softmax passes that on.
        expected = hooked.encoder_attention[layer].numpy()
        assert np.abs(ours.encoder_attention[layer] - expected).max() <= 5e-5


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pre_norm": True, "n_decoder_layers": 2},
        {"n_decoder_layers": 3, "n_encoder_layers": 1, "feedforward_activation": "gelu"},
        {"use_vae": False, "n_heads": 8},
        {"state_dim": 0},
        {"environment_dim": 5, "pre_norm": True},
        {"cameras": {}, "environment_dim": 3},
        {"cameras": {TOP: (70, 101)}},
        {"cameras": {TOP: (64, 96), WRIST: (48, 64), SIDE: (64, 96)}},
        {"vision_backbone": "resnet34", "cameras": {TOP: (64, 64)}},
        {"vision_backbone": "resnet50", "cameras": {TOP: (64, 64)}},
        {
            "vision_backbone": "resnet50",
            "replace_final_stride_with_dilation": True,
            "cameras": {TOP: (64, 80)},
        },
    ],
    ids=str,
)
def test_every_option_of_act_gives_lerobots_pass(reference_policy, options):
    assert_same(reference_policy(**options))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 1000),
    # Of two numbers LayerNorm keeps little more than the sign, and amplifies float32's rounding.
    heads=st.sampled_from([1, 2, 4]),
    head_dim=st.sampled_from([8, 10, 16]),
    pre_norm=st.booleans(),
    layers=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    state_dim=st.integers(0, 4),
    chunk_size=st.integers(1, 12),
    activation=st.sampled_from(["relu", "gelu"]),
)
def test_any_transformer_gives_lerobots_pass(
    reference_policy, seed, heads, head_dim, pre_norm, layers, state_dim, chunk_size, activation
):
    """Without cameras, since a ResNet takes long to build."""
    reference = reference_policy(
        seed=seed,
        cameras={},
        environment_dim=3,
        state_dim=state_dim,
        n_heads=heads,
        dim_model=heads * head_dim,
        pre_norm=pre_norm,
        n_encoder_layers=layers[0],
        n_decoder_layers=layers[1],
        chunk_size=chunk_size,
        n_action_steps=chunk_size,
        feedforward_activation=activation,
    )
    assert_same(reference, seed)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_sharp_attention_is_multihead_attentions_own(reference_policy, pre_norm):
    """One decoder layer alone, on the same tokens, with weights far from uniform."""
    reference = reference_policy(cameras={}, environment_dim=2, pre_norm=pre_norm)
    layer = reference.policy.model.decoder.layers[0].requires_grad_(False)
    layer.multihead_attn.in_proj_weight.mul_(1.5)
    queries, x, tokens, positions = torch.randn(10, 32), *torch.randn(3, 40, 32)
    x = x[:10]
    weights = []
    with torch.inference_mode():
        ours, attention = DecoderLayer(layer, queries, positions, PlainKernels())(
            x[None], tokens[None]
        )
        layer.multihead_attn.register_forward_pre_hook(
            lambda module, args, kwargs: weights.append(
                module.forward(**kwargs, need_weights=True, average_attn_weights=False)[1]
            ),
            with_kwargs=True,
        )
        expected = layer(x[:, None], tokens[:, None], queries[:, None], positions[:, None])
    torch.testing.assert_close(ours[0], expected[:, 0], atol=1e-5, rtol=0)
    assert weights[0].max() > 10 / 40
    assert (attention[0] - weights[0][0]).abs().max() <= 1e-6


@pytest.mark.parametrize("pre_norm", [False, True])
def test_sharp_encoder_attention_is_multihead_attentions_own(
    reference_policy, pre_norm, monkeypatch
):
    """One encoder layer alone, on the same tokens, with weights far from uniform."""
    reference = reference_policy(cameras={}, environment_dim=2, pre_norm=pre_norm)
    layer = reference.policy.model.encoder.layers[0].requires_grad_(False)
    layer.self_attn.in_proj_weight.mul_(1.5)
    x, positions = torch.randn(2, 40, 32)
    with torch.inference_mode():
        ours = EncoderLayer(layer, positions, PlainKernels())
        mixed = ours(x[None])[0]
        attention = ours.weights(x[None], mean_over_heads=False)[0]
        expected = layer(x[:, None], positions[:, None])[:, 0]
        read = layer.norm1(x) if pre_norm else x
        weights = layer.self_attn(
            read + positions, read + positions, read, average_attn_weights=False
        )[1]
    torch.testing.assert_close(mixed, expected, atol=1e-5, rtol=0)
    assert weights.max() > 10 / 40
    assert (attention - weights).abs().max() <= 1e-6
    for large in (256, 10):  # all heads at once, and one after the other
        monkeypatch.setattr(act_graph, "_LARGE", large)
        for mean_over_heads, shown in ((False, weights), (True, weights.mean(dim=0)[None])):
            with torch.inference_mode():
                both = ours.with_weights(x[None], mean_over_heads=mean_over_heads)
                alone = ours.weights(x[None], mean_over_heads=mean_over_heads)
            torch.testing.assert_close(both[0][0], expected, atol=1e-5, rtol=0)
            for found in (both[1], alone):
                torch.testing.assert_close(found[0], shown, atol=1e-6, rtol=0)


def test_ordinary_batch_norm_is_folded_too(reference_policy):
    """A policy in the middle of training with BatchNorm2d in its backbone."""
    reference = reference_policy(cameras={TOP: (64, 64)})
    for name, module in list(reference.policy.model.backbone.named_modules()):
        if type(module).__name__ == "FrozenBatchNorm2d":
            ordinary = torch.nn.BatchNorm2d(len(module.weight), eps=module.eps).eval()
            ordinary.load_state_dict(module.state_dict(), strict=False)
            parent, _, child = name.rpartition(".")
            setattr(reference.policy.model.backbone.get_submodule(parent), child, ordinary)
    assert_same(reference)


class OtherAttention(torch.nn.MultiheadAttention):
    """Some attention that nobody has heard of: it looks twice as sharply."""

    def forward(self, query, key, value, **options):
        return super().forward(2 * query, key, value, **options)


def test_a_module_that_is_not_covered_runs_lerobots_pass(reference_policy, caplog):
    reference = reference_policy(n_action_steps=1)
    attention = reference.policy.model.decoder.layers[0].multihead_attn
    attention.__class__ = OtherAttention
    with caplog.at_level(logging.WARNING, logger="pam_ros"):
        policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "multihead_attn is a OtherAttention" in caplog.text
    observation = reference.observation(np.random.default_rng(0))
    output = policy.step(observation)
    expected = reference.select_action(observation)
    assert reference.normalised_difference(output.action, expected) <= 1e-5
    np.testing.assert_allclose(output.attention.sum(-1), 1, atol=1e-5)


def test_a_pass_that_lerobot_has_changed_is_noticed_at_load(reference_policy, caplog, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=3, n_action_steps=1)
    layer = type(reference.policy.model.decoder.layers[0])
    original = layer.forward
    monkeypatch.setattr(layer, "forward", lambda *a, **k: original(*a, **k).roll(1, -1))
    with caplog.at_level(logging.WARNING, logger="pam_ros"):
        policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    assert "the written-out pass differs from lerobot's by" in caplog.text
    observation = reference.observation(np.random.default_rng(0))
    expected = reference.select_action(observation)
    assert reference.normalised_difference(policy.step(observation).action, expected) <= 1e-5


def hook_count(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_hooks_are_removed_also_when_the_model_raises(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=3)
    model = reference.policy.model
    forward = HookedForward(model)
    inputs = Prepared((), torch.zeros(1, 6), torch.zeros(1, 3))
    forward(inputs, [0, 1])
    assert hook_count(model) == 0
    with pytest.raises(ZeroDivisionError):
        forward(inputs, [0, 1], Edit(1, lambda tokens: 1 / 0))
    assert hook_count(model) == 0
    model.action_head.weight.data = torch.zeros(3, 3)
    with pytest.raises(RuntimeError):
        forward(inputs)
    assert hook_count(model) == 0
