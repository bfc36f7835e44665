# SPDX-License-Identifier: Apache-2.0
"""From gradients of a SmolVLA's pass to contributions of pixels or tokens, and their sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pam_ros.attention.attribution import ACTION_UNIT, CONTRIBUTION, UNIT, Attribution
from pam_ros.policy.smolvla.prepare import as_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.attention.attribution import Target
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.policy.padded import PaddedCells

EXPLAINED_BY = "eager, lerobot's own pass"


class Way(NamedTuple):
    """From where to where what moves goes.

    Attributes:
        starts, ends: (1, 3, H, W) of each camera, or its tokens (1, cells, dim).
        baseline: what the starts are.
        reason: why they are another than was asked for.
    """

    starts: list[Tensor]
    ends: list[Tensor]
    baseline: str
    reason: str = ""


class Aim(NamedTuple):
    """One target as a direction (C, A), and what 1 of it is in the target's unit."""

    target: Target
    direction: Tensor
    scale: float
    reason: str


def attribution_of(
    spec: PolicySpec,
    cells_of: Sequence[PaddedCells],
    request: ContributionRequest,
    way: Way,
    aim: Aim,
    totals: Sequence[Tensor],
    chunks: Tensor,
    difference: float,
) -> Attribution:
    """From gradients to contributions.

    Args:
        spec: the policy's.
        cells_of: of each camera.
        request: as it was asked.
        way: what moves, and from where.
        aim: one target.
        totals: of each camera, the sum of the gradients over the points.
        chunks: (C, A) float64, from the baseline's chunk to the observation's.
        difference: see Attribution.chunk_difference.
    """
    scale = aim.scale / request.points
    parts = [
        (end - start).float() * total.float() * scale
        for start, end, total in zip(way.starts, way.ends, totals, strict=True)
    ]
    images: dict[str, NDArray[np.float32]] | None = None
    cells: dict[str, NDArray[np.float32]] = {}
    sizes: dict[str, NDArray[np.float32]] | None = None
    if request.method == CONTRIBUTION:
        images = {
            grid.camera.feature: as_array(part.sum(1)[0])
            for grid, part in zip(cells_of, parts, strict=True)
        }
    else:
        cells = {g.camera.feature: _grid(g, p.sum(2)) for g, p in zip(cells_of, parts, strict=True)}
        sizes = {
            g.camera.feature: _grid(g, p.abs().sum(2)) for g, p in zip(cells_of, parts, strict=True)
        }
    total = float(sum(part.double().sum() for part in parts))
    change = aim.scale * float((chunks * aim.direction).sum())
    return Attribution(
        method=request.method,
        target=aim.target.label(request.joints),
        baseline=way.baseline,
        layer="images" if images is not None else "encoder_input",
        images=images,
        cells=cells,
        state=np.full(spec.state_dim, np.nan, np.float32),
        total=total,
        change=change,
        completeness_error=abs(total - change),
        points=request.points,
        magnitudes=sizes,
        reason="; ".join(filter(None, (aim.reason, way.reason))),
        unit=UNIT if aim.target.joint is None else ACTION_UNIT,
        explained_by=EXPLAINED_BY,
        chunk_difference=difference,
    )


def _grid(grid: PaddedCells, values: Tensor) -> NDArray[np.float32]:
    """(1, all cells) to those of the picture, (rows, cols)."""
    return as_array(values[0, grid.in_picture()].reshape(grid.camera.rows, grid.camera.cols))
