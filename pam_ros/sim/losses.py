# SPDX-License-Identifier: Apache-2.0
"""What the demo policy is trained for: the expert's actions, and two losses that help it see.

Both auxiliary losses know from the simulator where the red cube is. They shape the weights and add
nothing to the finished policy. `location_loss` teaches the ResNet to find the cube in a few hundred
steps. `looking_loss` makes the decoder read the cube's own cells: without it the ResNet's wide
receptive fields let every cell know where the cube is, and attention stays spread over all of them.
The demo's heat therefore lies on the cube by training; it is no evidence about other policies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from torch import Tensor

STRIDE = 32
"""Pixels between the cells of ResNet's last feature map; cell i is centred on pixel 32 i."""

LOCATION_WEIGHT = 0.3
LOOKING_WEIGHT = 0.1
ENOUGH_MASS = 0.5
"""The share of attention on the cube from which `looking_loss` asks for no more."""

_REACH = 24
"""A cell looks at the cube when its centre lies within so many pixels of the cube's, each way."""


@dataclass(frozen=True)
class Losses:
    """Scalars. actions: L1 in normalised units; location, looking: the functions of this file."""

    actions: Tensor
    location: Tensor
    looking: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.actions + LOCATION_WEIGHT * self.location + LOOKING_WEIGHT * self.looking


def location_loss(output: Tensor, cube: Tensor) -> Tensor:
    """Cross entropy of the cell that holds the cube, plus L1 of the place in the cell.

    output: (N, 3, rows, cols): logit, column and row offset in cells.
    cube: (N, 3): column, row, depth.
    A picture without the cube has no cell to find and asks for low logits everywhere.
    """
    rows, cols = output.shape[-2:]
    cells = cube[:, :2] / STRIDE
    seen = _seen(cube, rows, cols)
    limit = torch.tensor([cols, rows], dtype=cells.dtype, device=cells.device)
    nearest = torch.minimum(cells.round().clamp(min=0), limit - 1)
    column, row = nearest.long().unbind(1)
    each = torch.arange(len(cube), device=cube.device)
    wanted = torch.zeros_like(output[:, 0])
    wanted[each, row, column] = seen.to(wanted.dtype)
    found = F.binary_cross_entropy_with_logits(output[:, 0], wanted, reduction="none")
    offset = (output[each, 1:, row, column] - (cells - nearest)).abs().sum(1)
    place = (offset * seen).sum() / seen.sum().clamp(min=1)
    return found.sum((1, 2)).mean() + place


def looking_loss(attention: Tensor, cube: Tensor, rows: int, cols: int) -> Tensor:
    """How much the decoder's attention on the cube falls short of ENOUGH_MASS, in nats.

    attention: (B, queries, tokens), softmax weights, the last C * rows * cols of them the cameras'
    cells row by row. cube: (B, C, 3): column, row, depth. A cell that looks at the cube lies within
    _REACH pixels of its middle, in any camera; a sample in which none sees it costs nothing.
    """
    count, cameras = cube.shape[:2]
    column = torch.arange(cols, device=cube.device) * STRIDE
    row = torch.arange(rows, device=cube.device) * STRIDE
    near_column = (column - cube[..., 0:1]).abs() <= _REACH  # (B, C, cols)
    near_row = (row - cube[..., 1:2]).abs() <= _REACH  # (B, C, rows)
    seen = _seen(cube.flatten(0, 1), rows, cols).view(count, cameras)
    looks = near_row[..., None] & near_column[..., None, :] & seen[..., None, None]
    cells = attention[..., -cameras * rows * cols :]
    mass = (cells * looks.flatten(1)[:, None]).sum(-1)  # (B, queries)
    short = (math.log(ENOUGH_MASS) - torch.log(mass + 1e-6)).clamp(min=0)
    return (short * looks.flatten(1).any(1)[:, None]).mean()


def _seen(cube: Tensor, rows: int, cols: int) -> Tensor:
    cells = cube[:, :2] / STRIDE
    limit = torch.tensor([cols, rows], dtype=cells.dtype, device=cells.device)
    return ((cells > -0.5) & (cells < limit)).all(1) & (cube[:, 2] > 0)
