# SPDX-License-Identifier: Apache-2.0
"""Rollout against closed forms and the product of whole matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import attention_maps, encoder_attention_maps
from pam_ros.attention.rollout import rollout_maps
from pam_ros.policy.act.spec import lay_out

LAYOUT = lay_out(
    [
        CameraTokens("top", 0, 2, 3, 64, 96, 0.0, 0.0, 32.0, 32.0),
        CameraTokens("wrist", 0, 2, 2, 64, 64, 0.0, 0.0, 32.0, 32.0),
    ],
    joint_state=True,
    environment=False,
)
SIZE = LAYOUT.size


def softmax_weights(shape, seed):
    weights = np.exp(2 * np.random.default_rng(seed).normal(size=shape))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def encoder(layers=3, heads=2, seed=0):
    return {k: softmax_weights((heads, SIZE, SIZE), seed + k) for k in range(layers)}


def distribution(maps):
    """All tokens in order."""
    cells = [camera.cells.ravel() for camera in maps.cameras]
    return np.concatenate([[maps.latent_share, maps.joint_state_share], *cells])


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    layers=st.integers(1, 4),
    identity=st.floats(0, 1),
    query=st.none() | st.integers(0, SIZE - 1) | st.just((2, 7)),
    data=st.data(),
)
def test_the_rows_are_those_of_the_product_of_whole_matrices(seed, layers, identity, query, data):
    weights = encoder(layers, seed=seed)
    upto = data.draw(st.integers(-layers, layers - 1))
    product = np.eye(SIZE)
    for layer in range((upto % layers) + 1):
        mixing = identity * np.eye(SIZE)
        for head in weights[layer]:
            mixing = mixing + (1 - identity) * head.astype(np.float64) / len(weights[layer])
        product = (mixing / mixing.sum(axis=1, keepdims=True)) @ product
    rows = [query] if isinstance(query, int) else slice(*(query or (0, SIZE)))
    maps = rollout_maps(weights, LAYOUT, query=query, upto=upto, identity=identity)
    np.testing.assert_allclose(distribution(maps), product[rows].mean(axis=0), atol=1e-6)
    assert maps.total == pytest.approx(1, abs=1e-5)
    assert maps.head_entropy == maps.head_latent_share == ()


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_through_uniform_layers_a_token_keeps_half_per_layer(layers):
    uniform = {k: np.full((2, SIZE, SIZE), 1 / SIZE, np.float32) for k in range(layers)}
    expected = np.full(SIZE, (1 - 0.5**layers) / SIZE)
    expected[4] += 0.5**layers
    np.testing.assert_allclose(
        distribution(rollout_maps(uniform, LAYOUT, query=4)), expected, atol=1e-6
    )


def test_through_the_decoder_it_is_its_weights_times_the_encoders_mixing():
    weights, decoder = encoder(), softmax_weights((4, 5, SIZE), 9)
    rows = np.stack([distribution(rollout_maps(weights, LAYOUT, query=t)) for t in range(SIZE)])
    for head in (None, 3):
        maps = rollout_maps(weights, LAYOUT, decoder=decoder, head=head, query=(1, 4))
        read = decoder[:, 1:4].mean(axis=1)
        expected = (read.mean(axis=0) if head is None else read[head]) @ rows
        np.testing.assert_allclose(distribution(maps), expected, atol=1e-6)


@pytest.mark.parametrize("head", [None, 3])
def test_heads_are_described_as_the_decoder_reads_not_as_carried_back(head):
    decoder = softmax_weights((4, 5, SIZE), 9)
    decoder[2] = 0.0
    decoder[2, :, 0] = 1.0  # a sink
    maps = rollout_maps(encoder(), LAYOUT, decoder=decoder, head=head, query=(1, 4))
    plain = attention_maps(decoder[None], LAYOUT, head=head, query=(1, 4))
    assert maps.head_latent_share == pytest.approx(plain.head_latent_share, abs=1e-7)
    assert maps.head_entropy == pytest.approx(plain.head_entropy, abs=1e-6)
    assert (maps.head_latent_share[2], maps.head_entropy[2]) == (1, 0)
    mass = distribution(maps)
    assert maps.entropy == pytest.approx(-(mass * np.log(mass)).sum(), abs=1e-5)


def test_where_layers_mix_nothing_the_decoder_reads_the_input():
    decoder = softmax_weights((4, 5, SIZE), 9)
    maps = rollout_maps(encoder(), LAYOUT, identity=1.0, decoder=decoder, query=2)
    expected = attention_maps(decoder[None], LAYOUT, query=2)
    np.testing.assert_allclose(distribution(maps), distribution(expected), atol=1e-7)
    np.testing.assert_allclose(maps.head_entropy, expected.head_entropy, atol=1e-6)


def test_one_layer_without_a_residual_connection_is_its_own_attention():
    weights = encoder(1, heads=3)
    rolled = rollout_maps(weights, LAYOUT, identity=0.0, query=(1, 6))
    plain = encoder_attention_maps(weights[0], LAYOUT, 0, query=(1, 6))
    np.testing.assert_allclose(distribution(rolled), distribution(plain), atol=1e-6)


def test_labels_say_which_layers_took_part():
    decoder = softmax_weights((4, 5, SIZE), 9)
    maps = rollout_maps(encoder(), LAYOUT, upto=1)
    assert (maps.method, maps.layer, maps.head) == ("rollout", "encoder.layers.0:2", "mean")
    assert maps.query == f"mean(0:{SIZE})"
    maps = rollout_maps(encoder(), LAYOUT, decoder=decoder, decoder_layer=1, head=2, query=0)
    assert maps.layer == "decoder.layers.1.multihead_attn, encoder.layers.0:3"
    assert (maps.head, maps.query) == ("2", "0")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: rollout_maps({}, LAYOUT), "every encoder layer from 0"),
        (lambda: rollout_maps({1: encoder()[1]}, LAYOUT), r"given are \[1\]"),
        (lambda: rollout_maps(encoder(), LAYOUT, upto=3), "upto 3 is out of range.* -3 to 2"),
        (lambda: rollout_maps(encoder(), LAYOUT, identity=1.5), "identity 1.5 must be from 0 to 1"),
        (lambda: rollout_maps(encoder(), LAYOUT, query=SIZE), f"from 0 to {SIZE - 1}"),
        (lambda: rollout_maps(encoder(), LAYOUT, head=0), "only where it goes through the decoder"),
        (lambda: rollout_maps({0: np.ones((2, 3, 3), np.float32)}, LAYOUT), "layer 0 .* not fit"),
        (
            lambda: rollout_maps(encoder(), LAYOUT, decoder=np.ones((2, 3, 4), np.float32)),
            "decoder attention of shape .* does not fit",
        ),
        (
            lambda: rollout_maps(
                encoder(), LAYOUT, decoder=softmax_weights((4, 5, SIZE), 9), head=4
            ),
            "head 4 is out of range: it must be from 0 to 3",
        ),
        (
            lambda: rollout_maps({0: np.full((2, SIZE, SIZE), np.nan, np.float32)}, LAYOUT),
            "not all finite",
        ),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(call, sentence):
    with pytest.raises(AttentionError, match=sentence):
        call()
