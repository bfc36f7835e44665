# SPDX-License-Identifier: Apache-2.0
"""Weights of convolutions are packed once for each size of input, and not again in a pass."""

import subprocess
import sys

import pytest
import torch

from pam_ros.policy.act.kernels import FoldedConvolution
from pam_ros.policy.act.onednn import OneDnnKernels, usable

pytestmark = pytest.mark.skipif(not usable(torch.float32), reason="there is no oneDNN")

SHAPES = [(64, 128, 1, 2), (128, 64, 3, 1), (256, 512, 3, 2)]
"""Input channels, output channels, side of the kernel, stride."""

WATCHED = """
import torch
from test_packed_weights import SHAPES, folded, inputs
from pam_ros.policy.act.onednn import OneDnnKernels

convolutions = [OneDnnKernels().convolution(folded(*shape), relu=True) for shape in SHAPES]
with torch.inference_mode():
    for convolution, shape in zip(convolutions, SHAPES):
        convolution(inputs(shape[0], 2, 15))
    print("from here on", flush=True)
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        for convolution, shape in zip(convolutions, SHAPES):
            convolution(inputs(shape[0], 2, 15))
"""


def folded(channels, outputs, side, stride):
    generator = torch.Generator().manual_seed(channels)
    weight = torch.randn(outputs, channels, side, side, generator=generator)
    bias = torch.randn(outputs, generator=generator)
    return FoldedConvolution(weight, bias, (stride,) * 2, (side // 2,) * 2, (1, 1), 1)


def inputs(channels, count, side):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(side))


def test_a_second_pass_reorders_no_weight():
    code = f"import sys; sys.path.insert(0, {__file__.rpartition('/')[0]!r})\n{WATCHED}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True
    )
    lines = run.stdout.partition("from here on")[2].splitlines()
    done = [line.split(",") for line in lines if ",exec," in line]
    assert sum("convolution" in words for words in done) == len(SHAPES), run.stdout
    weights = ["x".join(map(str, (out, into, side, side))) for into, out, side, _ in SHAPES]
    assert not [words for words in done if "reorder" in words and words[-2] in weights]


@pytest.mark.parametrize("shape", SHAPES)
def test_inputs_of_many_sizes_give_what_torch_gives(shape):
    parts = folded(*shape)
    convolution = OneDnnKernels().convolution(parts, relu=False)
    for count, side in [(1, 15), (2, 15), (3, 8), (1, 20), (2, 9), (1, 31), (1, 15)]:
        x = inputs(shape[0], count, side)
        known = torch.nn.functional.conv2d(x, parts.weight, parts.bias, parts.stride, parts.padding)
        torch.testing.assert_close(convolution(x), known, rtol=1e-4, atol=1e-3)
    assert len(convolution._packed) <= 4
