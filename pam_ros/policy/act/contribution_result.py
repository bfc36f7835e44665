# SPDX-License-Identifier: Apache-2.0
"""From gradients to contributions: parts per pixel or token, their sum, and what it should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.attribution import ACTION_UNIT, UNIT, Attribution
from pam_ros.attention.maps import Missing
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.act.contribution_parts import Aim
    from pam_ros.policy.interface import PolicySpec


def pixels_of(
    spec: PolicySpec,
    asked: Aim,
    ways: Sequence[Tensor],
    totals: Sequence[Tensor],
    start: Tensor | None,
) -> Attribution:
    """The contributions of pixels.

    Args:
        spec: the policy's.
        asked: with one target.
        ways: of each camera (1, 3, H, W), from the baseline to the picture; or (1, S * 3, H, W) of
            its S pictures, whose parts are summed.
        totals: the same of the sum of gradients over the points.
        start: (C, A), the chunk of the baseline; None if it is not known.
    """
    scale = asked.scale / asked.request.points
    images = {
        camera.feature: as_array((way * total).sum(1)[0] * scale)
        for camera, way, total in zip(spec.cameras, ways, totals, strict=True)
    }
    whole = float(sum(image.sum(dtype=np.float64) for image in images.values()))
    return _attribution(spec, asked, whole, start, images=images)


def tokens_of(spec: PolicySpec, asked: Aim, parts: Tensor) -> Attribution:
    """The contributions of tokens.

    Args:
        spec: the policy's.
        asked: with one target.
        parts: (T, D), in the target's unit.
    """
    layout = spec.layout
    signed, absolute = as_array(parts.sum(1)), as_array(parts.abs().sum(1))
    cells: dict[str, NDArray[np.float32]] = {}
    sizes: dict[str, NDArray[np.float32]] = {}
    for camera in layout.cameras:
        block, shape = slice(camera.start, camera.stop), (camera.rows, camera.cols)
        cells[camera.feature] = signed[block].reshape(shape)
        sizes[camera.feature] = absolute[block].reshape(shape)
    # All tokens that follow the first camera's are pictures' as well.
    whole = float(signed[layout.cameras[0].start :].sum(dtype=np.float64))
    return _attribution(spec, asked, whole, asked.start, cells=cells, magnitudes=sizes)


def together(first: Attribution, others: Sequence[Attribution | Missing], name: str) -> Attribution:
    """The first, with the others as its further targets: those that are not finite are missing.

    Args:
        first: of the target.
        others: of the further targets.
        name: the policy's.

    Raises:
        PolicyError: the first is not finite.
    """
    message = f"the contributions of {name} are not finite on this observation"
    if not _finite(first):
        raise PolicyError(message)
    also = (
        one if isinstance(one, Missing) or _finite(one) else Missing(one.target, message)
        for one in others
    )
    return replace(first, also=tuple(also))


def _finite(found: Attribution) -> bool:
    grids = [*(found.images or {}).values(), *found.cells.values()]
    grids += (found.magnitudes or {}).values()
    return all(map(math.isfinite, found.parts.values())) and all(
        np.isfinite(grid).all() for grid in grids
    )


def _attribution(
    spec: PolicySpec,
    asked: Aim,
    total: float,
    start: Tensor | None,
    *,
    images: dict[str, NDArray[np.float32]] | None = None,
    cells: dict[str, NDArray[np.float32]] | None = None,
    magnitudes: dict[str, NDArray[np.float32]] | None = None,
) -> Attribution:
    """From the cells, their sum, and the chunk of the pictures' baseline if it is known."""
    request = asked.request
    change = math.nan
    if start is not None:
        change = asked.value(asked.chunk) - asked.value(start)
    return Attribution(
        method=request.method,
        target=request.target.label(request.joints),
        baseline=asked.baseline if images is None else request.baseline,
        layer="images" if images is not None else "encoder_input",
        images=images,
        cells=cells or {},
        state=np.full(spec.state_dim, np.nan, np.float32),
        total=total,
        change=change,
        completeness_error=abs(total - change),
        points=request.points,
        magnitudes=magnitudes,
        parts=asked.parts,
        reason=asked.reason,
        unit=UNIT if request.target.joint is None else ACTION_UNIT,
    )
