# SPDX-License-Identifier: Apache-2.0
"""Each operation's written-out gradient against autograd's, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.pullbacks import Affine, Norm, activate, attend, join_heads, split_heads

KERNELS = PlainKernels(torch.float64)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_pullback(expected, operation, *inputs):
    """operation gives what `expected` gives, and its pullback what autograd gives of it."""
    moving = [one.clone().requires_grad_() for one in inputs]
    known = expected(*moving)
    gradient = draw(*known.shape, seed=9)
    slopes = torch.autograd.grad((known * gradient).sum(), moving)
    with torch.no_grad():
        value, back = operation(*inputs)
        found = back(gradient)
    torch.testing.assert_close(value, known.detach())
    found = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(found, slopes, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("bias", [(5,), (7, 5)])
def test_affine(bias):
    weight, bias = draw(5, 3), draw(*bias, seed=1)
    assert_pullback(lambda x: x @ weight.T + bias, Affine(weight, bias, KERNELS), draw(1, 7, 3))


@pytest.mark.parametrize("affine", [True, False])
def test_norm(affine):
    norm = nn.LayerNorm(6, elementwise_affine=affine).double().requires_grad_(requires_grad=False)
    if affine:
        norm.weight.copy_(draw(6, seed=1))
        norm.bias.copy_(draw(6, seed=2))
    ours = Norm(norm)
    assert_pullback(norm, ours.double(), draw(1, 7, 6) * 3 + 1)


def test_no_norm_leaves_all_as_it_is():
    assert_pullback(lambda x: x * 1, Norm(nn.Identity()), draw(1, 7, 6))


@pytest.mark.parametrize("activation", [functional.relu, functional.gelu])
def test_activations(activation):
    assert_pullback(activation, lambda x: activate(x, activation), draw(4, 9) * 2)


def test_an_activation_without_a_gradient_is_named():
    with pytest.raises(ValueError, match="no written-out gradient of"):
        activate(draw(2), torch.tanh)


def test_attention():
    query, key, value = draw(1, 2, 5, 4), draw(1, 2, 7, 4, seed=1), draw(1, 2, 7, 4, seed=2)
    assert_pullback(
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, scale=1.0),
        attend,
        query,
        key,
        value,
    )


def test_heads_come_apart_and_together():
    x = draw(1, 5, 12)
    assert split_heads(x, 3).shape == (1, 3, 5, 4)
    torch.testing.assert_close(join_heads(split_heads(x, 3)), x, atol=0, rtol=0)
