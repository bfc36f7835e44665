# SPDX-License-Identifier: Apache-2.0
"""Kernels of oneDNN with prepacked weights and fused ReLU and addition, for x86 CPUs.

These are the operations that torch.compile's freezing emits (torch.ops.mkldnn), called directly:
no warm-up, and per pass neither a repacking of weights nor a separate ReLU or addition. They are
private to PyTorch, so usable() tries each of them on small numbers first; the self-check at load
then compares the whole pass with lerobot's. Unlike PyTorch's, these ReLUs make 0 of NaN: a backbone
whose weights are not finite fails that check, and what is not finite behind it stays so, since
every layer of the transformer adds its input.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pam_ros.policy.act.kernels import FoldedConvolution, PlainKernels

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

# Names of the activations that a linear layer can fuse, with the algorithm oneDNN calls it by.
_FUSED: dict[Any, tuple[str, str]] = {
    functional.relu: ("relu", ""),
    functional.gelu: ("gelu", "none"),
}


_SIZES = 4
"""Of inputs whose packed weights are kept: batches of some sizes, cameras of some."""


def _operation(name: str) -> Any:
    return getattr(torch.ops.mkldnn, name)


class OneDnnKernels:
    """Implements kernels.Kernels on the CPU; weights in `dtype`."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype

    def convolution(self, folded: FoldedConvolution, *, relu: bool) -> nn.Module:
        """See kernels.Kernels."""
        return _Convolution(folded, self._dtype, relu=relu)

    def affine(
        self,
        weight: Tensor,
        bias: Tensor,
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> nn.Module:
        """See kernels.Kernels."""
        if activation is not None and activation not in _FUSED:
            return PlainKernels(self._dtype).affine(weight, bias, activation)
        return _Affine(weight, bias, _FUSED.get(activation, ("none", "")), self._dtype)


class _Convolution(nn.Module):
    def __init__(self, folded: FoldedConvolution, dtype: torch.dtype, *, relu: bool) -> None:
        super().__init__()
        self._geometry = (
            list(folded.padding),
            list(folded.stride),
            list(folded.dilation),
            folded.groups,
        )
        self._weight = folded.weight.to(dtype).contiguous()
        self._packed: dict[tuple[int, ...], Tensor] = {}
        self._dtype = dtype
        self._bias = folded.bias.to(dtype).contiguous()
        self._attribute = "relu" if relu else "none"
        self._activation = "relu" if relu else None

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        x = x.to(self._dtype, memory_format=torch.channels_last)
        run = _operation("_convolution_pointwise")
        weight = self._packed_for(x)
        out: Tensor
        if add is None:
            out = run(x, weight, self._bias, *self._geometry, self._attribute, [], "")
        elif add.shape[2:] == (1, 1):
            # oneDNN refuses to add what is one pixel large: its memory format is ambiguous.
            out = run(x, weight, self._bias, *self._geometry, "none", [], "").add_(add)
            out = out if self._activation is None else functional.relu_(out)
        else:
            # Into add, whose memory is warm.
            out = _operation("_convolution_pointwise_").binary(
                add, x, weight, self._bias, *self._geometry,
                "add", 1.0, self._activation, [], "",
            )  # fmt: skip
        return out

    def _packed_for(self, x: Tensor) -> Tensor:
        """The weight in the order that oneDNN wants for an input of this size.

        With AVX-512 that order is the same for all sizes. Without, a weight in the order of another
        size is reordered in each pass, which took three times as long as the convolutions.
        """
        size = () if _one_order() else tuple(x.shape)
        packed = self._packed.get(size)
        if packed is None:
            pack = _operation("_reorder_convolution_weight")
            packed = pack(self._weight, *self._geometry, list(size) or None)
            while len(self._packed) >= _SIZES:
                del self._packed[next(iter(self._packed))]
            self._packed[size] = packed
        return packed


def _one_order() -> bool:
    """Whether oneDNN orders a convolution's weight alike for inputs of all sizes."""
    return "AVX512" in torch.backends.cpu.get_cpu_capability()


class _Affine(nn.Module):
    def __init__(
        self, weight: Tensor, bias: Tensor, activation: tuple[str, str], dtype: torch.dtype
    ) -> None:
        super().__init__()
        self._dtype = dtype
        self._weight = _operation("_reorder_linear_weight")(weight.to(dtype).contiguous(), None)
        self._bias = bias.to(dtype).contiguous()
        self._activation = activation

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        x = x.to(self._dtype)
        run = _operation("_linear_pointwise")
        name, algorithm = self._activation
        y: Tensor
        if self._bias.ndim == 2:
            # One bias per token: added by oneDNN where it has that shape, which is in a batch of 1.
            bias = self._bias.expand(len(x), -1, -1)
            y = run.binary(x, bias, self._weight, None, "add")
        elif (
            add is not None
            and name == "none"
            and add.shape[0] == x.shape[0]
            and add.dtype == self._dtype
        ):
            y, add = run.binary(x, add, self._weight, self._bias, "add"), None
        else:
            y = run(x, self._weight, self._bias, name, [], algorithm)
        return y if add is None else add + y


@functools.cache
def usable(dtype: torch.dtype) -> bool:
    """Whether this PyTorch has these operations and they compute what they should."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    noise = torch.Generator().manual_seed(0)
    image, add, weight = (
        torch.randn(*shape, generator=noise)
        for shape in ((2, 16, 9, 7), (2, 16, 5, 4), (16, 16, 3, 3))
    )
    tokens, more, matrix = (
        torch.randn(*shape, generator=noise) for shape in ((1, 5, 16),) * 2 + ((16, 16),)
    )
    bias = torch.randn(16, generator=noise)
    folded = FoldedConvolution(weight / 9, bias, (2, 2), (1, 1), (1, 1), 1)
    expected: list[Tensor] = []
    found: list[Tensor] = []
    try:
        with torch.inference_mode():
            for kernels, results in (
                (PlainKernels(), expected),
                (OneDnnKernels(dtype), found),
            ):
                convolution = kernels.convolution(folded, relu=True)
                linear = kernels.affine(matrix, bias, functional.relu)
                position = kernels.affine(matrix, tokens[0])
                residual = kernels.affine(matrix, bias)
                like = image.to(dtype if results is found else torch.float32)
                sum_like = add.to(like.dtype, memory_format=torch.channels_last, copy=True)
                results += [convolution(like), convolution(like, sum_like), linear(tokens)]
                results += [position(tokens), residual(tokens, more)]
    except (AttributeError, RuntimeError, TypeError) as error:
        logger.info("PyTorch's own operations are used instead of prepacked ones: %s", error)
        return False
    return all(
        bool(((ours.float() - theirs).abs() <= tolerance * (1 + theirs.abs())).all())
        for ours, theirs in zip(found, expected, strict=True)
    )
