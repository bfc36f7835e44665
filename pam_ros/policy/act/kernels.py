# SPDX-License-Identifier: Apache-2.0
"""The two heavy operations of a pass, as modules that fuse what follows them.

Which ones a pass is built of is its engine's choice: these here are plain PyTorch, which compilers
and tracers understand and which run everywhere; onednn.py has prepacked ones for the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable


class FoldedConvolution(NamedTuple):
    """A convolution with the BatchNorm behind it: weight (out, in, h, w), bias (out)."""

    weight: Tensor
    bias: Tensor
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


class Kernels(Protocol):
    """Makes the operations of a pass."""

    def convolution(self, folded: FoldedConvolution, *, relu: bool) -> nn.Module:
        """Called as module(x) or module(x, add): relu(convolution(x) + add), perhaps in add."""
        ...

    def affine(
        self,
        weight: Tensor,
        bias: Tensor,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> nn.Module:
        """Called as module(x (B, T, in)) or module(x, add): activation(x W^T + bias) + add.

        weight: (out, in). bias: (out) or one per token, (T, out).
        """
        ...


class PlainKernels:
    """PyTorch's own operations; weights in `dtype`."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype

    def convolution(self, folded: FoldedConvolution, *, relu: bool) -> nn.Module:
        """See Kernels."""
        return _Convolution(folded, self._dtype, relu=relu)

    def affine(
        self,
        weight: Tensor,
        bias: Tensor,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> nn.Module:
        """See Kernels."""
        return _Affine(weight, bias, activation, self._dtype)


class _Convolution(nn.Module):
    weight: Tensor
    bias: Tensor

    def __init__(self, folded: FoldedConvolution, dtype: torch.dtype, *, relu: bool) -> None:
        super().__init__()
        weight = folded.weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", folded.bias.to(dtype))
        self.geometry = folded.stride, folded.padding, folded.dilation, folded.groups
        self._relu = relu

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        y = functional.conv2d(x.to(self.weight.dtype), self.weight, self.bias, *self.geometry)
        if add is not None:
            y = y.add_(add)
        return functional.relu_(y) if self._relu else y


class _Affine(nn.Module):
    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        activation: Callable[[Tensor], Tensor] | None,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight.to(dtype))
        self.register_buffer("bias", bias.to(dtype))
        self.activation = activation

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        x = x.to(self.weight.dtype)
        if self.bias.ndim == 1:
            y = functional.linear(x, self.weight, self.bias)
        else:
            y = functional.linear(x, self.weight) + self.bias
        if self.activation is not None:
            y = self.activation(y)
        return y if add is None else add + y
