# SPDX-License-Identifier: Apache-2.0
"""Gradients of a ResNet's operations against autograd's."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pam_ros.policy.act.convolution_pullbacks import Convolution, pool, rectify
from pam_ros.policy.act.kernels import FoldedConvolution, PlainKernels


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assert_pullback(expected, operation, x):
    moving = x.clone().requires_grad_()
    known = expected(moving)
    gradient = draw(*known.shape, seed=9)
    (slope,) = torch.autograd.grad((known * gradient).sum(), moving)
    with torch.no_grad():
        value, back = operation(x)
        found = back(gradient)
    torch.testing.assert_close(value, known.detach())
    torch.testing.assert_close(found, slope, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [(8, 12), (9, 13), (7, 8)])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        (7, 2, 3, 1),
        (3, 2, 1, 1),
        (1, 2, 0, 1),
        (3, 2, 0, 1),
        (5, 2, 1, 1),
        (3, 1, 1, 1),
        (1, 1, 0, 1),
        (3, 1, 2, 2),
        (3, 2, 2, 2),
        (3, 3, 1, 1),
    ],
)
def test_convolutions(kernel, stride, padding, dilation, size):
    weight, bias = draw(5, 3, kernel, kernel, seed=1), draw(5, seed=2)
    geometry = [(n, n) for n in (stride, padding, dilation)]
    module = PlainKernels().convolution(FoldedConvolution(weight, bias, *geometry, 1), relu=False)
    assert_pullback(
        lambda x: functional.conv2d(x, weight, bias, *geometry),
        Convolution(module),
        draw(2, 3, *size),
    )


def test_a_convolution_of_groups_is_refused():
    folded = FoldedConvolution(draw(4, 2, 3, 3), draw(4), (1, 1), (1, 1), (1, 1), 2)
    with pytest.raises(ValueError, match="a convolution of 2 groups"):
        Convolution(PlainKernels().convolution(folded, relu=False))


def test_relu():
    assert_pullback(functional.relu, rectify, draw(2, 3, 5, 4))


@pytest.mark.parametrize("size", [(8, 12), (9, 13), (7, 8), (1, 1)])
def test_the_largest_of_windows(size):
    # No two alike: what several share is said below.
    x = draw(2, 3, *size).abs() + 0.1
    assert_pullback(lambda x: functional.max_pool2d(x, 3, 2, 1), pool, x)


def test_numbers_that_are_alike_share_a_windows_gradient():
    x = torch.zeros(1, 1, 4, 4)
    x[..., 1, 1] = x[..., 0, 0] = 2.0
    _, back = pool(x)
    gradient = torch.zeros(1, 1, 2, 2)
    gradient[..., 0, 0] = 1.0
    found = back(gradient)[0, 0]
    assert (found[0, 0], found[1, 1], found.sum()) == (0.5, 0.5, 1.0)
