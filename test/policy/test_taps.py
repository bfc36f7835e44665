# SPDX-License-Identifier: Apache-2.0
"""Weights of queries and keys that were noted are those that an attention computes itself."""

import pytest
import torch

from pam_ros.attention.look import Look, Stack
from pam_ros.policy import PolicySpec
from pam_ros.policy.taps import QueryKeyTap, Seen, Wanted, softmax_weights, wanted_by


@pytest.fixture
def seen():
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 5, 6, 8, generator=generator)
    key = torch.randn(2, 7, 3, 8, generator=generator)
    mask = torch.rand(2, 5, 7, generator=generator) > 0.3
    mask[..., 0] = True
    return Seen(query, key, mask)


def test_softmax_is_torch_s_own_attention(seen):
    """Of identity values, torch's attention gives its weights; heads share keys in turn."""
    values = torch.eye(7).expand(2, 6, 7, 7)
    key = seen.key.transpose(1, 2).repeat_interleave(2, dim=1)
    expected = torch.nn.functional.scaled_dot_product_attention(
        seen.query.transpose(1, 2), key, values, attn_mask=seen.mask[:, None]
    )
    weights = softmax_weights(seen)
    assert torch.allclose(weights, expected, atol=1e-6)
    assert (weights[~seen.mask[:, None].expand_as(weights)] == 0).all()
    assert torch.allclose(softmax_weights(seen, mean=True), expected.mean(1, keepdim=True))


def test_without_a_mask_every_key_is_read(seen):
    full = softmax_weights(seen._replace(mask=None))
    assert torch.allclose(
        full, softmax_weights(seen._replace(mask=torch.ones(2, 5, 7, dtype=torch.bool)))
    )
    assert (full > 0).all()


def test_half_precision_is_computed_in_float32(seen):
    half = Seen(seen.query.bfloat16(), seen.key.bfloat16(), seen.mask)
    assert softmax_weights(half).dtype == torch.float32


def test_only_what_is_wanted_is_noted_and_by_reference(seen):
    tap = QueryKeyTap(Wanted(frozenset({("a", 0, 1)}), frozenset({("b", 2, 0)})))
    for key in (("a", 0, 1), ("a", 0, 0), ("a", 1, 1), ("b", 2, 0)):
        tap.note(key, seen.query, seen.key, seen.mask)
    assert set(tap.seen) == {("a", 0, 1), ("b", 2, 0)}
    assert tap.seen["a", 0, 1].query.data_ptr() == seen.query.data_ptr()
    assert {key: weights.shape[1] for key, weights in tap.weights().items()} == {
        ("a", 0, 1): 6,
        ("b", 2, 0): 1,
    }


def spec(**options):
    stacks = (
        Stack("expert", "e.{layer}", "cross", 2, 4, 3, (0, 5), **options),
        Stack("prefix", "p.{layer}", "self", 4, 4, 5, (0, 5)),
    )
    return PolicySpec(
        name="p", sha256="", cameras=(), state_feature=None, state_dim=0,
        environment_feature=None, environment_dim=0, action_dim=1, chunk_size=3,
        n_action_steps=1, chunk_mode="queue", device="cpu", groups=(), stacks=stacks,
        denoising_steps=2,
    )  # fmt: skip


def test_a_look_wants_its_steps_and_the_layers_below_it():
    look = Look("expert", 0, denoising_step=None, through="prefix")
    wanted = wanted_by([look], spec(numbers=(1, 3), depths=(1, 3)))
    assert wanted.shown == {("expert", 0, 0), ("expert", 0, 1)}
    assert wanted.through == {("prefix", 0, 0)}
    assert wanted_by([look], spec()).through == {("prefix", layer, 0) for layer in range(4)}


def test_a_layer_that_is_shown_keeps_its_heads_although_another_look_goes_through_it():
    looks = [Look("expert", 1, through="prefix"), Look("prefix", 2)]
    wanted = wanted_by(looks, spec())
    assert ("prefix", 2, 0) in wanted.shown
    assert ("prefix", 2, 0) not in wanted.through
