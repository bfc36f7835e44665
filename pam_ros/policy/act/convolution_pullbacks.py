# SPDX-License-Identifier: Apache-2.0
"""Operations of a ResNet, each with its gradient written out; see pullbacks.py.

A convolution's pullback is the transposed convolution (Dumoulin and Visin, "A guide to convolution
arithmetic for deep learning", 2016, chapter 4). Of stride 1 it is a convolution by the flipped
kernel, with inputs and outputs exchanged. Of stride 2 each of four phases of the picture, the even
and odd rows and columns, is a convolution of stride 1 by every second weight (Shi et al., "Is the
deconvolution layer the same as a convolutional layer?", 2016): all four together are one, and
the phases are interleaved. Compilers have faster convolutions than transposed ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.act.pullbacks import Pullback

_NEVER = -1.0
"""What no number at least 0 is."""


class Convolution(nn.Module):
    """A convolution of PlainKernels, without its ReLU; in float32.

    Raises:
        ValueError: it has several groups.
    """

    weight: Tensor
    bias: Tensor
    back: Tensor

    def __init__(self, convolution: Any) -> None:
        super().__init__()
        self._stride, self._padding, self._dilation, groups = convolution.geometry
        if groups != 1:
            message = f"there is no written-out gradient of a convolution of {groups} groups"
            raise ValueError(message)
        weight = convolution.weight.float().contiguous()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", convolution.bias.float())
        stride, dilation = tuple(self._stride), tuple(self._dilation)
        self._phased = stride == (2, 2) and dilation == (1, 1)
        back = weight
        if stride == (1, 1):
            back = weight.flip(2, 3).transpose(0, 1).contiguous()
        elif self._phased:
            back = self._phases()
        self.register_buffer("back", back)

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """Of x (N, in, H, W)."""
        geometry = self._stride, self._padding, self._dilation
        y = functional.conv2d(x, self.weight, self.bias, *geometry)
        size = [int(length) for length in x.shape[2:]]

        def back(gradient: Tensor) -> Tensor:
            if self._phased:
                return self._by_phases(gradient, size)
            reach = [
                d * (k - 1) for d, k in zip(self._dilation, self.weight.shape[2:], strict=True)
            ]
            if tuple(self._stride) == (1, 1):
                around = [r - p for r, p in zip(reach, self._padding, strict=True)]
                return functional.conv2d(gradient, self.back, None, 1, around, self._dilation)
            # What the stride left over at the far side.
            sizes = zip(size, gradient.shape[2:], self._stride, self._padding, reach, strict=True)
            more = [int(n - ((m - 1) * s - 2 * p + r + 1)) for n, m, s, p, r in sizes]
            return functional.conv_transpose2d(
                gradient, self.back, None, self._stride, self._padding, more, 1, self._dilation
            )

        return y, back

    def _offsets(self, axis: int) -> range:
        """Of the outputs whose inputs include 2 t and 2 t + 1, relative to t."""
        kernel, padding = self.weight.shape[2 + axis], self._padding[axis]
        return range((padding - kernel + 2) // 2, (padding + 1) // 2 + 1)

    def _phases(self) -> Tensor:
        """The weights (4 in, out, h, w) of all phases' convolutions, as pixel_shuffle wants them.

        Input 2 t + f takes output t + o times weight f + padding - 2 o, for each offset o.
        """
        rows, cols = self._offsets(0), self._offsets(1)
        outputs, inputs, height, width = self.weight.shape
        phases = self.weight.new_zeros(inputs, 2, 2, outputs, len(rows), len(cols))
        for down in (0, 1):
            for right in (0, 1):
                for i, row in enumerate(rows):
                    for j, col in enumerate(cols):
                        y = down + self._padding[0] - 2 * row
                        x = right + self._padding[1] - 2 * col
                        if 0 <= y < height and 0 <= x < width:
                            phases[:, down, right, :, i, j] = self.weight[:, :, y, x].T
        return phases.flatten(0, 2)

    def _by_phases(self, gradient: Tensor, size: Sequence[int]) -> Tensor:
        height, width = size
        around: list[int] = []
        for axis in (1, 0):  # pad begins with the last axis
            offsets, count = self._offsets(axis), (size[axis] + 1) // 2
            around += [-offsets[0], count + offsets[-1] - int(gradient.shape[2 + axis])]
        phases = functional.conv2d(functional.pad(gradient, around), self.back)
        return functional.pixel_shuffle(phases, 2)[..., :height, :width]


def rectify(x: Tensor) -> tuple[Tensor, Pullback]:
    """max(x, 0); its pullback passes what is above."""
    y = functional.relu(x)
    return y, lambda gradient: gradient * (y > 0).to(gradient.dtype)


def pool(x: Tensor) -> tuple[Tensor, Pullback]:
    """The largest of each 3 x 3, stride 2, padding 1, of numbers that are not negative.

    Its pullback shares a window's gradient among those of its numbers that are the largest.
    (Autograd gives it to the first. In float32 several are the largest where all are 0, if at all.)
    Window i has rows 2 i - 1, 2 i and 2 i + 1: an even row is one window's, an odd row also the
    next one's.

    Args:
        x: (N, C, H, W), at least 0, as a ReLU leaves it: the padding never is the largest then.
    """
    y = functional.max_pool2d(x, 3, 2, 1)
    height, width = (int(length) for length in x.shape[2:])

    def back(gradient: Tensor) -> Tensor:
        even = functional.pad(x, (0, width % 2, 0, height % 2), value=_NEVER)
        shuffled = functional.pixel_unshuffle(even, 2)
        phases = torch.unflatten(shuffled, 1, (-1, 4)).unbind(2)
        # For each odd or even row and column the windows, this or the next, that it may be in.
        belongs = [((down, right), (a, b)) for down in (0, 1) for right in (0, 1)
                   for a in range(down + 1) for b in range(right + 1)]  # fmt: skip
        largest = {step: _next(y, *step, _NEVER) for step in ((0, 0), (0, 1), (1, 0), (1, 1))}
        same = {
            (phase, step): (phases[2 * phase[0] + phase[1]] == largest[step]).to(gradient.dtype)
            for phase, step in belongs
        }
        count = sum(_previous(one, *step) for (_, step), one in same.items())
        share = gradient / count
        shares = {step: _next(share, *step, 0.0) for step in largest}
        found = [
            sum(one * shares[step] for (other, step), one in same.items() if other == phase)
            for phase in ((0, 0), (0, 1), (1, 0), (1, 1))
        ]
        whole = functional.pixel_shuffle(torch.stack(found, dim=2).flatten(1, 2), 2)  # type: ignore[arg-type]
        return whole[..., :height, :width]

    return y, back


def _next(x: Tensor, down: int, right: int, fill: float) -> Tensor:
    """x[i + down, j + right] at i, j; `fill` where that is outside."""
    return functional.pad(x, (-right, right, -down, down), value=fill) if down or right else x


def _previous(x: Tensor, down: int, right: int) -> Tensor:
    """x[i - down, j - right] at i, j; 0 where that is outside."""
    return functional.pad(x, (right, -right, down, -down)) if down or right else x
