# SPDX-License-Identifier: Apache-2.0
"""The gradient of a chunk with respect to the pictures, without autograd.

resnet.py forwards, then the pullbacks in reverse order; see convolution_pullbacks.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pam_ros.policy.act.convolution_pullbacks import Convolution, pool, rectify
from pam_ros.policy.act.token_gradient import TokenGradient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.pullbacks import Pullback


class PictureGradient(nn.Module):
    """From a policy's inputs and a direction to the gradient of the chunk along it.

    Args:
        graph: a pass of PlainKernels, with cameras.

    Raises:
        ValueError: there is no written-out gradient of one of its operations.
    """

    def __init__(self, graph: ActGraph) -> None:
        super().__init__()
        self._graph = [graph]  # not a module of this one: its own backbone is not needed
        self._resnet = _ResNet(graph.resnet)
        self._project = Convolution(graph.project)
        self._tokens = TokenGradient(graph)

    def forward(
        self,
        images: Sequence[Tensor],
        state: Tensor | None,
        environment: Tensor | None,
        direction: Tensor,
    ) -> tuple[Tensor, ...]:
        """The gradient (1, 3, H, W) of sum(chunk * direction) for each picture.

        Args:
            images: (1, 3, H, W) per camera.
            state: (1, dim); None where the policy reads none.
            environment: (1, dim); None where the policy reads none.
            direction: (C, A).
        """
        graph = self._graph[0]
        parts = [graph.latent]
        if graph.state is not None and state is not None:
            parts.append(graph.state(state[:, None]).float())
        if graph.environment is not None and environment is not None:
            parts.append(graph.environment(environment[:, None]).float())
        first = len(parts)
        alike: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            alike.setdefault(tuple(image.shape), []).append(index)
        blocks: dict[int, Tensor] = {}
        pullbacks: list[tuple[list[int], Callable[[Tensor], Tensor]]] = []
        for indices in alike.values():
            rows, back_of_batch = self._embed(torch.cat([images[index] for index in indices]))
            blocks.update(zip(indices, rows.chunk(len(indices)), strict=True))
            pullbacks.append((indices, back_of_batch))
        ordered = [blocks[index] for index in range(len(images))]
        _, back_of_tokens = self._tokens.chunk_and_pullback(torch.cat([*parts, *ordered], dim=1))
        gradient = back_of_tokens(direction[None])[:, first:]
        shares = torch.split(gradient, [int(block.shape[1]) for block in ordered], dim=1)
        found: dict[int, Tensor] = {}
        for indices, back_of_batch in pullbacks:
            pictures = back_of_batch(torch.cat([shares[index] for index in indices]))
            found.update(zip(indices, pictures.chunk(len(indices)), strict=True))
        return tuple(found[index] for index in range(len(images)))

    def _embed(self, images: Tensor) -> tuple[Tensor, Pullback]:
        """Tokens (N, cells, D) of pictures (N, 3, H, W) of one size."""
        features, back_of_resnet = self._resnet(images)
        projected, back_of_project = self._project(features)
        count, dim, rows, cols = projected.shape

        def back(gradient: Tensor) -> Tensor:
            grid = gradient.transpose(1, 2).reshape(count, dim, rows, cols)
            return back_of_resnet(back_of_project(grid))  # type: ignore[no-any-return]

        return projected.flatten(2).transpose(1, 2), back


class _ResNet(nn.Module):
    def __init__(self, resnet: Any) -> None:
        super().__init__()
        pooling = resnet.maxpool
        geometry = pooling.kernel_size, pooling.stride, pooling.padding, pooling.dilation
        if geometry != (3, 2, 1, 1) or pooling.ceil_mode:
            message = f"there is no written-out gradient of {pooling}"
            raise ValueError(message)
        self._stem = Convolution(resnet.stem)
        self._blocks = nn.ModuleList(_Block(block) for block in resnet.blocks)

    def forward(self, images: Tensor) -> tuple[Tensor, Pullback]:
        x, back_of_stem = self._stem(images)
        pullbacks = [back_of_stem]
        for step in (rectify, pool, *self._blocks):
            x, back_of_step = step(x)
            pullbacks.append(back_of_step)

        def back(gradient: Tensor) -> Tensor:
            for pullback in reversed(pullbacks):
                gradient = pullback(gradient)
            return gradient

        return x, back


class _Block(nn.Module):
    """resnet._FoldedBlock."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self._convolutions = nn.ModuleList(Convolution(one) for one in block.convolutions)
        self._shortcut = None if block.shortcut is None else Convolution(block.shortcut)

    def forward(self, x: Tensor) -> tuple[Tensor, Pullback]:
        y, pullbacks = x, []
        *first, last = self._convolutions
        for convolution in first:
            y, back_of_convolution = convolution(y)
            y, back_of_relu = rectify(y)
            pullbacks += [back_of_convolution, back_of_relu]
        y, back_of_last = last(y)
        skip, back_of_skip = (x, None) if self._shortcut is None else self._shortcut(x)
        y, back_of_end = rectify(y + skip)

        def back(gradient: Tensor) -> Tensor:
            gradient = back_of_end(gradient)
            along = back_of_last(gradient)
            for pullback in reversed(pullbacks):
                along = pullback(along)
            return along + (gradient if back_of_skip is None else back_of_skip(gradient))  # type: ignore[no-any-return]

        return y, back
