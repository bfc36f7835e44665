# SPDX-License-Identifier: Apache-2.0
"""Maps are the raw mass, cut into cameras."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.layout import CameraTokens, TokenGroup, TokenLayout
from pam_ros.attention.maps import attention_maps, encoder_attention_maps, weights_maps
from pam_ros.policy.act.spec import lay_out


def camera(name, rows, cols):
    return CameraTokens(name, 0, rows, cols, 32 * rows, 32 * cols, 0.0, 0.0, 32.0, 32.0)


@st.composite
def layouts(draw):
    sizes = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), max_size=3))
    return lay_out(
        [camera(f"camera{i}", rows, cols) for i, (rows, cols) in enumerate(sizes)],
        joint_state=draw(st.booleans()),
        environment=draw(st.booleans()),
    )


def token_of(layout, kind):
    """The only token of a kind; None if there is none."""
    starts = [group.start for group in layout.of_kind(kind)]
    return starts[0] if starts else None


def softmax_weights(shape, seed, sharpness=3.0):
    logits = sharpness * np.random.default_rng(seed).normal(size=shape)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


TWO_CAMERAS = lay_out(
    [camera("top", 2, 3), camera("wrist", 3, 2)], joint_state=True, environment=True
)


@settings(deadline=None)
@given(layout=layouts(), seed=st.integers(0, 1000), data=st.data())
def test_cells_and_shares_are_the_mean_mass_and_sum_to_one(layout, seed, data):
    layers, heads, queries = 2, 3, 5
    weights = softmax_weights((layers, heads, queries, layout.size), seed)
    layer = data.draw(st.integers(-layers, layers - 1))
    head = data.draw(st.none() | st.integers(0, heads - 1))
    query = data.draw(
        st.none()
        | st.integers(0, queries - 1)
        | st.integers(0, queries - 1).flatmap(
            lambda start: st.tuples(st.just(start), st.integers(start + 1, queries))
        )
    )
    maps = attention_maps(weights, layout, layer=layer, head=head, query=query)

    chosen_heads = range(heads) if head is None else [head]
    start, stop = query if isinstance(query, tuple) else (query, None)
    chosen_queries = range(queries) if query is None else [start]
    if isinstance(query, tuple):
        chosen_queries = range(start, stop)
    mass = np.zeros(layout.size)
    for h in chosen_heads:
        for q in chosen_queries:
            mass += weights[layer, h, q] / (len(chosen_heads) * len(chosen_queries))
    for found, tokens in zip(maps.cameras, layout.cameras, strict=True):
        assert found.cells.shape == (tokens.rows, tokens.cols)
        assert found.cells.dtype == np.float32
        for r in range(tokens.rows):
            for c in range(tokens.cols):
                expected = mass[tokens.start + r * tokens.cols + c]
                assert found.cells[r, c] == pytest.approx(expected, abs=1e-6)
        assert found.share == pytest.approx(found.cells.sum(), abs=1e-5)
        assert found.cells[found.peak] == found.cells.max()
    shares = [maps.latent_share, maps.joint_state_share, maps.environment_share]
    present = [token_of(layout, kind) for kind in ("latent", "joint_state", "environment")]
    assert [group.share for group in maps.groups] == pytest.approx(
        [mass[token] for token in present if token is not None], abs=1e-6
    )
    for share, token in zip(shares, present, strict=True):
        assert math.isnan(share) if token is None else share == pytest.approx(mass[token], abs=1e-6)
    everything = sum(c.share for c in maps.cameras) + np.nansum(shares)
    assert everything == pytest.approx(1, abs=1e-5)
    assert maps.total == pytest.approx(1, abs=1e-5)
    entropy = -sum(m * math.log(m) for m in mass if m > 0)
    assert maps.entropy == pytest.approx(entropy, abs=1e-5)
    assert maps.tokens == layout.size
    for h in range(heads):
        mass = weights[layer, h, list(chosen_queries)].mean(axis=0, dtype=np.float64)
        assert maps.head_latent_share[h] == pytest.approx(
            mass[token_of(layout, "latent")], abs=1e-6
        )
        assert maps.head_entropy[h] == pytest.approx(-(mass * np.log(mass)).sum(), abs=1e-5)


def test_entropy_is_log_of_the_tokens_when_uniform_and_zero_when_certain():
    size = TWO_CAMERAS.size
    uniform = np.full((1, 1, 1, size), 1 / size, np.float32)
    assert attention_maps(uniform, TWO_CAMERAS).entropy == pytest.approx(math.log(size), abs=1e-6)
    certain = np.zeros((1, 1, 1, size), np.float32)
    certain[..., 4] = 1
    maps = attention_maps(certain, TWO_CAMERAS)
    assert maps.entropy == 0
    assert maps.cameras[0].peak == (0, 1)  # tokens 0, 1, 2 are latent, joint state, environment
    assert [c.share for c in maps.cameras] == [1, 0]


def test_a_head_that_reads_only_the_latent_token_shows_whichever_head_is_drawn():
    size = TWO_CAMERAS.size
    weights = np.full((1, 3, 4, size), 1 / size, np.float32)
    weights[0, 1] = 0
    weights[0, 1, :, token_of(TWO_CAMERAS, "latent")] = 1
    for head in (None, 0, 2):
        maps = attention_maps(weights, TWO_CAMERAS, head=head)
        assert maps.head_latent_share == pytest.approx((1 / size, 1, 1 / size))
        assert maps.head_entropy == pytest.approx((math.log(size), 0, math.log(size)), abs=1e-6)


def test_labels_say_what_was_averaged():
    weights = softmax_weights((3, 4, 10, TWO_CAMERAS.size), 0)

    def labels(**selection):
        maps = attention_maps(weights, TWO_CAMERAS, **selection)
        return maps.layer, maps.head, maps.query

    assert labels() == ("decoder.layers.2.multihead_attn", "mean", "mean(0:10)")
    assert labels(layer=0, head=3, query=0) == ("decoder.layers.0.multihead_attn", "3", "0")
    assert labels(query=(2, 5))[2] == "mean(2:5)"
    assert labels(layer=np.int64(1), head=np.int32(0))[:2] == (
        "decoder.layers.1.multihead_attn",
        "0",
    )


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        ({"layer": 2}, "layer 2 is out of range: it must be from -2 to 1"),
        ({"layer": -3}, "layer -3 is out of range"),
        ({"head": 4}, "head 4 is out of range: it must be from 0 to 3"),
        ({"head": -1}, "head -1 is out of range"),
        ({"head": 1.0}, "head 1.0 must be an integer from 0 to 3"),
        ({"head": True}, "head True must be an integer"),
        ({"query": 10}, "query 10 is out of range: it must be from 0 to 9"),
        ({"query": (3, 3)}, "query stop 3 is out of range: it must be from 4 to 10"),
        ({"query": (0, 11)}, "query stop 11 is out of range: it must be from 1 to 10"),
        ({"query": (0, 1, 2)}, r"query range \(0, 1, 2\) must be \(start, stop\)"),
    ],
    ids=str,
)
def test_a_selection_out_of_range_names_the_range(selection, sentence):
    weights = softmax_weights((2, 4, 10, TWO_CAMERAS.size), 0)
    with pytest.raises(AttentionError, match=sentence):
        attention_maps(weights, TWO_CAMERAS, **selection)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(AttentionError, match="15 tokens"):
        attention_maps(softmax_weights((1, 1, 1, 14), 0), TWO_CAMERAS)
    weights = softmax_weights((1, 1, 2, 15), 0)
    weights[0, 0, 1, 3] = np.nan
    with pytest.raises(AttentionError, match=r"weights of decoder.* are not all"):
        attention_maps(weights, TWO_CAMERAS)
    attention_maps(weights, TWO_CAMERAS, query=0)
    # Every head's figures go out, so every head is checked.
    weights = softmax_weights((1, 2, 2, 15), 0)
    weights[0, 1, 1, 3] = np.inf
    with pytest.raises(AttentionError, match="are not all finite"):
        attention_maps(weights, TWO_CAMERAS, head=0)


def test_a_layout_covers_every_token_once():
    with pytest.raises(AttentionError, match="each of them once"):
        TokenLayout((TokenGroup("latent", 0, 1), TokenGroup("joint_state", 2, 3)))
    with pytest.raises(AttentionError, match="each of them once"):
        TokenLayout((TokenGroup("latent", 0, 1), TokenGroup("joint_state", 0, 1)))


@pytest.mark.parametrize(
    "group",
    [
        {"kind": "language", "stop": 2, "labels": ("one",)},
        {"kind": "other", "stop": 0},
        {"kind": "image", "stop": 1},
        {"kind": "language", "stop": 1, "camera": camera("top", 1, 1)},
        {"kind": "image", "stop": 3, "camera": camera("top", 1, 1)},
    ],
)
def test_a_group_that_contradicts_itself_is_refused(group):
    with pytest.raises(AttentionError, match=f"the {group['kind']} group from 0 to"):
        TokenGroup(start=0, **group)


WORDS_AND_ACTIONS = TokenLayout(
    (
        TokenGroup("image", 0, 6, camera("top", 2, 3)),
        TokenGroup("language", 6, 9, labels=("pick", "the", "cube")),
        TokenGroup("action", 9, 13),
    )
)


def test_words_and_actions_are_groups_beside_the_cells():
    weights = softmax_weights((3, 4, 13), seed=2)
    maps = weights_maps("joint_attention", "expert.1", weights, WORDS_AND_ACTIONS, query=1)
    mass = weights[:, 1].mean(0, dtype=np.float64)
    words, actions = maps.groups
    assert (words.kind, words.labels, actions.kind) == (
        "language",
        ("pick", "the", "cube"),
        "action",
    )
    np.testing.assert_allclose(words.mass, mass[6:9], rtol=1e-6)
    np.testing.assert_allclose(maps.cameras[0].cells.ravel(), mass[:6], rtol=1e-6)
    assert maps.cameras[0].share + words.share + actions.share == pytest.approx(1, abs=1e-5)
    assert math.isnan(maps.joint_state_share)
    assert maps.head_latent_share == ()


def test_tokens_that_a_stack_does_not_read_have_no_mass():
    weights = softmax_weights((2, 4, 9), seed=3)
    maps = weights_maps("cross_attention", "expert.1", weights, WORDS_AND_ACTIONS, keys=(0, 9))
    assert maps.groups[1].share == 0
    assert len(maps.groups[1].mass) == 0
    assert maps.tokens == 9
    assert maps.cameras[0].share + maps.groups[0].share == pytest.approx(1, abs=1e-5)
    with pytest.raises(AttentionError, match=r"it must be \(heads, queries, 13 tokens\)"):
        weights_maps("cross_attention", "expert.1", weights, WORDS_AND_ACTIONS)


def test_encoder_maps_show_what_the_chosen_tokens_read():
    size = TWO_CAMERAS.size
    weights = softmax_weights((3, size, size), seed=5)
    maps = encoder_attention_maps(weights, TWO_CAMERAS, 2, head=1, query=(4, 7))
    mass = weights[1, 4:7].mean(0, dtype=np.float64)
    top = TWO_CAMERAS.cameras[0]
    np.testing.assert_allclose(maps.cameras[0].cells.ravel(), mass[top.start : top.stop], rtol=1e-6)
    assert (maps.method, maps.layer) == ("encoder_attention", "encoder.layers.2.self_attn")
    assert (maps.head, maps.query) == ("1", "mean(4:7)")
    assert maps.total == pytest.approx(1, abs=1e-5)


def test_encoder_weights_of_another_layout_are_refused():
    with pytest.raises(AttentionError, match="does not fit"):
        encoder_attention_maps(np.ones((2, 3, 3), np.float32), TWO_CAMERAS, 0)


FILLED_UP = TokenLayout(
    (
        TokenGroup("image", 0, 6, camera("top", 2, 3)),
        TokenGroup("language", 6, 8, labels=("pick", "it")),
        TokenGroup("padding", 8, 11, masked=True),
        TokenGroup("joint_state", 11, 12),
    )
)
READ = np.array([*range(8), 11])


def filled_up(rows, seed):
    """Weights of which nothing is on masked tokens, but for their own rows in a prefix."""
    weights = np.zeros((2, rows, 12), np.float32)
    weights[..., READ] = softmax_weights((2, rows, 9), seed=seed)
    if rows == 12:
        weights[:, 8:11] = np.eye(12, dtype=np.float32)[8:11]
    return weights


def test_masked_tokens_are_not_among_those_of_uniform_attention():
    weights = filled_up(4, 5)
    maps = weights_maps("cross_attention", "expert.1", weights, FILLED_UP)
    assert maps.tokens == 9
    assert [len(group.mass) for group in maps.groups] == [2, 0, 1]
    even = np.zeros_like(weights)
    even[..., READ] = 1 / 9
    flat = weights_maps("cross_attention", "expert.1", even, FILLED_UP)
    assert flat.entropy == pytest.approx(math.log(flat.tokens))
    assert flat.cameras[0].cells.max() == pytest.approx(1 / flat.tokens)


@pytest.mark.parametrize(
    ("query", "rows"), [(None, READ), ((6, 12), [6, 7, 11]), ((8, 10), [8, 9]), (9, [9])]
)
def test_masked_tokens_do_not_read_unless_they_alone_are_chosen(query, rows):
    weights = filled_up(12, 6)
    maps = weights_maps("encoder_attention", "prefix.0", weights, FILLED_UP, query=query)
    expected = weights[:, rows].mean(axis=(0, 1))
    np.testing.assert_allclose(maps.cameras[0].cells.ravel(), expected[:6], rtol=1e-5)
    assert maps.groups[1].share == pytest.approx(expected[8:11].sum())
    assert maps.total == pytest.approx(1, abs=1e-5)
