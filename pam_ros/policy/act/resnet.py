# SPDX-License-Identifier: Apache-2.0
"""torchvision's ResNet up to layer4, each BatchNorm folded into the convolution before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pam_ros.policy.act.kernels import FoldedConvolution

if TYPE_CHECKING:
    from pam_ros.policy.act.kernels import Kernels

STAGES = ("layer1", "layer2", "layer3", "layer4")


class FoldedResNet(nn.Module):
    """(N, 3, H, W) to (N, channels, rows, cols), channels last in memory."""

    def __init__(self, backbone: Any, kernels: Kernels) -> None:
        super().__init__()
        self.stem = kernels.convolution(_fold(backbone["conv1"], backbone["bn1"]), relu=True)
        self.maxpool = backbone["maxpool"]
        self.blocks = nn.ModuleList(
            _FoldedBlock(block, kernels) for stage in STAGES for block in backbone[stage].children()
        )

    def forward(self, x: Tensor) -> Tensor:
        """The feature map."""
        x = self.maxpool(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return x


class _FoldedBlock(nn.Module):
    """A BasicBlock or a Bottleneck."""

    def __init__(self, block: Any, kernels: Kernels) -> None:
        super().__init__()
        count = 2 if type(block).__name__ == "BasicBlock" else 3
        folded = [
            _fold(getattr(block, f"conv{i}"), getattr(block, f"bn{i}")) for i in range(1, count + 1)
        ]
        self.convolutions = nn.ModuleList(kernels.convolution(c, relu=True) for c in folded)
        self.shortcut = None
        if block.downsample is not None:
            self.shortcut = kernels.convolution(_fold(*block.downsample), relu=False)

    def forward(self, x: Tensor) -> Tensor:
        *first, last = self.convolutions
        y = x
        for convolution in first:
            y = convolution(y)
        out: Tensor = last(y, x if self.shortcut is None else self.shortcut(x))
        return out


def _fold(convolution: nn.Conv2d, norm: Any) -> FoldedConvolution:
    """One convolution that does both; folded in float64."""
    scale = norm.weight.double() * (norm.running_var.double() + norm.eps).rsqrt()
    bias = norm.bias.double() - norm.running_mean.double() * scale
    if convolution.bias is not None:
        bias = bias + convolution.bias.double() * scale
    weight = convolution.weight.double() * scale[:, None, None, None]
    dtype = torch.float32
    return FoldedConvolution(
        weight.to(dtype),
        bias.to(dtype),
        convolution.stride,
        convolution.padding,  # type: ignore[arg-type]  # numbers, in torchvision's ResNet
        convolution.dilation,
        convolution.groups,
    )
