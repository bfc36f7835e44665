# SPDX-License-Identifier: Apache-2.0
"""Attributions of a gradient method to one map per camera, in the form that attention has.

A gradient method gives one value per pixel (input gradients, integrated gradients) or one per cell
of the backbone's last feature map (Grad-CAM). Either becomes a share per cell: the absolute values
over all cameras sum to 1, so the same scales and the same drawing serve. Tokens other than image
cells get no share. Where a method's values have a sign, it is kept beside the shares: the part of
the target's change that falls on each cell. Cells say where. How much a camera or a group of other
tokens did is their sum only for integrated gradients; contributions have parts of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pam_ros.attention.cell_grids import own_grid, pool_into_cells
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import AttentionMaps, CameraMap, GroupMass, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens, TokenLayout

INPUT_GRADIENTS = "input_gradients"
INTEGRATED_GRADIENTS = "integrated_gradients"
GRAD_CAM = "grad_cam"
GRADIENT_METHODS = (INPUT_GRADIENTS, INTEGRATED_GRADIENTS, GRAD_CAM)
CONTRIBUTION = "contribution"
TOKEN_CONTRIBUTION = "token_contribution"  # noqa: S105  (no secret, a picture's tokens)
CONTRIBUTIONS = (CONTRIBUTION, TOKEN_CONTRIBUTION)
"""Cheap enough for each tick, see contribution.py. The most faithful first."""
Baseline = Literal["black", "mean", "blur"]
BASELINES: tuple[Baseline, ...] = ("black", "mean", "blur")
"""What the pictures are compared with: black, their mean in training, or themselves blurred."""
USUAL_BASELINE: Baseline = "blur"
RUNNING_BASELINE = "running"
CONTRIBUTION_BASELINES: tuple[str, ...] = (*BASELINES, RUNNING_BASELINE)
"""Contributions also compare with the mean of an episode's pictures so far."""
CUSTOM_BASELINE = "custom"
"""In messages: pictures that somebody has given."""
SIGNED_METHODS = (INTEGRATED_GRADIENTS, CONTRIBUTION, TOKEN_CONTRIBUTION)
"""Those whose values are parts of the target's change: they sum to it."""
UNIT = "normalised action"
"""Of a target: standard deviations of the training actions where the policy learnt such."""
ACTION_UNIT = "action"
"""Of a joint that is named, for contributions: the policy's own, as it commands."""


@dataclass(frozen=True)
class Target:
    """What is explained: the whole chunk, some of its steps, a joint, or what has changed in it.

    Without a joint it is the chunk's, or those steps', projection on their difference from what the
    policy predicts for the baseline; the difference's direction is held fixed. A joint is its
    value, the mean over steps where there are several. Joint and step count from 0. The change is
    the projection on how the chunk differs from what an earlier tick had predicted for the same
    moments: see ContributionRequest.before.

    Attributes:
        joint: None for all together.
        step: the step, or the first of several; None for all.
        stop: the step after the last of several; None for `step` alone.
        change: along the change since an earlier tick; `joint` is then None.
    """

    joint: int | None = None
    step: int | None = None
    stop: int | None = None
    change: bool = False

    def label(self, joints: Sequence[str] = ()) -> str:
        """For messages: "chunk", "chunk[0:10]", "gripper[5]", without names "0[5]", or "change"."""
        name = "change" if self.change else "chunk"
        if self.joint is not None:
            name = joints[self.joint] if joints else str(self.joint)
        if self.step is None:
            return name
        return f"{name}[{self.step}]" if self.stop is None else f"{name}[{self.step}:{self.stop}]"


CHUNK = Target()
"""The default: the whole chunk, along its difference from the baseline's."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one method says of one observation. A camera's arrays go by its feature's name.

    images: (H, W) float32, one value per pixel of the image that the policy reads, summed over the
        channels; None for Grad-CAM.
    cells: (rows, cols) float32, the same summed over each cell's pixels; for Grad-CAM its map.
    state: (state_dim,) float32, what falls on the joint state; NaN where the method leaves it out.
    total: the sum of all attributions; of contributions that of the cells alone.
    change: what `total` should be: how much the target changes from the baseline to the
        observation, in its unit; NaN where a contribution does not know.
    completeness_error: |total - change| for methods of SIGNED_METHODS, of which it vanishes with
        many points; NaN for the others.
    baseline: what the observation was compared with: for integrated gradients the start of the
        path, otherwise of use in the default target alone.
    layer: what the values belong to, "images" or "backbone.layer4".
    points: observations for which gradients were computed.
    magnitudes: (rows, cols) float32, absolute attribution per cell, where that is not what `images`
        or `cells` have in absolute terms: the sum over a token's dimensions.
    parts: of a contribution that was asked to be complete, by a camera's feature or the kind of a
        group of other tokens: what it did, in the target's unit. They sum to the target's change
        from all of these at their training mean to the observation; the cells do not sum to them.
    unit: the target's.
    reason: why the target or the baseline is another than was asked for; empty if it is not.
    explained_by: what computed the gradients: an engine and its dtype.
    chunk_difference: the largest difference of its chunk from that of the pass that is explained,
        in normalised units; NaN where that was not measured.
    also: those of further targets, by the same pass.
    """

    method: str
    target: str
    baseline: str
    layer: str
    images: dict[str, NDArray[np.float32]] | None
    cells: dict[str, NDArray[np.float32]]
    state: NDArray[np.float32]
    total: float
    change: float
    completeness_error: float = math.nan
    points: int = 1
    magnitudes: dict[str, NDArray[np.float32]] | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    unit: str = UNIT
    reason: str = ""
    explained_by: str = ""
    chunk_difference: float = math.nan
    also: tuple[Attribution | Missing, ...] = ()

    def maps(self, layout: TokenLayout, cell: int | None = None) -> AttentionMaps:
        """Shares of absolute attribution per cell, see attribution_maps.

        Args:
            layout: of the policy.
            cell: of values per pixel, the side of a cell of their own [pixels]; None: the tokens'.
        """
        signed = self.method in SIGNED_METHODS
        compared = signed or self.target == CHUNK.label()
        own = cell if self.images is not None else None
        # Gradients that are not times a way are no part of a change.
        there = signed and self.state.size > 0
        state = float(self.state.sum(dtype=np.float64)) if there else math.nan
        found = attribution_maps(
            self.method,
            self.cells if self.images is None else self.images,
            layout,
            layer=self.layer if own is None else f"{self.layer}/{own}",
            query=f"baseline {self.baseline}",
            target=self.target,
            completeness_error=self.completeness_error,
            baseline=self.baseline if compared else "",
            points=self.points,
            contributions={"joint_state": state, **self.parts},
            magnitudes=self.magnitudes,
            cell=own,
            unit=self.unit,
        )
        also = (one if isinstance(one, Missing) else one.maps(layout, cell) for one in self.also)
        return replace(
            found,
            reason=self.reason,
            explained_by=self.explained_by,
            chunk_difference=self.chunk_difference,
            also=tuple(also),
        )


def attribution_maps(
    method: str,
    values: Mapping[str, NDArray[np.float32]],
    layout: TokenLayout,
    *,
    layer: str = "",
    query: str = "",
    target: str = "",
    completeness_error: float = math.nan,
    baseline: str = "",
    points: int = 1,
    contributions: Mapping[str, float] | None = None,
    magnitudes: Mapping[str, NDArray[np.float32]] | None = None,
    cell: int | None = None,
    unit: str = UNIT,
) -> AttentionMaps:
    """Absolute attribution as shares of the image cells of all cameras.

    Pixels count for the cell whose centre is nearest, each by its absolute value: what pulls one
    way and what pulls the other do not cancel inside a cell. Give values per cell where they shall.

    The result's `total` is the sum of absolute attribution, its `tokens` the number of image cells,
    its `entropy` that of the shares. Where nothing has an attribution, all cells are 0 and the
    entropy is NaN.

    Args:
        method: one of GRADIENT_METHODS or CONTRIBUTIONS.
        values: for each camera's feature (height, width) values per pixel of the image that the
            policy reads, or (rows, cols) values per cell; signed.
        layout: which cell looks where.
        layer: the result's label of what the values belong to.
        query: the result's label of what they were compared with.
        target: the result's label of what they explain.
        completeness_error: of the method, where it has one.
        baseline: what they were compared with.
        points: as in AttentionMaps.
        contributions: by the kind of a group of tokens that are no image cells what falls on it,
            where that is known, and for CONTRIBUTIONS by a camera's feature; a camera of
            integrated gradients has the sum of its cells.
        magnitudes: absolute attribution per cell, where it is not that of `values`.
        cell: side of the cells [pixels], for values per pixel; None: the layout's cells.
        unit: of the target.

    Raises:
        AttentionError: an unknown method, a camera too many or too few, values of another shape or
            not finite, a cell of no pixel.
    """
    if method not in GRADIENT_METHODS + CONTRIBUTIONS:
        known = ", ".join(GRADIENT_METHODS + CONTRIBUTIONS)
        message = f"method {method!r} is unknown: it must be one of {known}"
        raise AttentionError(message)
    features = [camera.feature for camera in layout.cameras]
    if not features or sorted(values) != sorted(features):
        found, wanted = ", ".join(values) or "no camera", ", ".join(features) or "a camera"
        message = f"the attributions are of {found}: they must be of {wanted}"
        raise AttentionError(message)
    cameras = layout.cameras
    if cell is not None:
        cameras = tuple(own_grid(camera, cell) for camera in cameras)
    sizes = values if magnitudes is None else magnitudes
    grids = [_magnitude(sizes[camera.feature], camera) for camera in cameras]
    total = float(sum(grid.sum() for grid in grids))
    masses = [grid / total if total > 0 else grid for grid in grids]
    signed: list[NDArray[np.float32] | None] = [None] * len(grids)
    if method in SIGNED_METHODS:
        signed = [_per_cell(values[c.feature], c).astype(np.float32) for c in cameras]
    parts = dict(contributions or {})
    shares = _part_shares(parts) if method in CONTRIBUTIONS else {}
    if method not in CONTRIBUTIONS:
        parts |= {
            camera.feature: float(grid.sum(dtype=np.float64))
            for camera, grid in zip(cameras, signed, strict=True)
            if grid is not None
        }
    cells = zip(cameras, masses, signed, strict=True)
    return AttentionMaps(
        method=method,
        layer=layer,
        head="",
        query=query,
        cameras=tuple(_camera_map(*one, parts, shares) for one in cells),
        latent_share=math.nan,
        joint_state_share=shares.get("joint_state", math.nan),
        environment_share=shares.get("environment", math.nan),
        entropy=_entropy(masses) if total > 0 else math.nan,
        total=total,
        tokens=sum(grid.size for grid in grids),
        target=target,
        completeness_error=completeness_error,
        groups=_groups(layout, parts),
        unit=unit,
        baseline=baseline,
        points=points,
    )


def _groups(layout: TokenLayout, contributions: Mapping[str, float]) -> tuple[GroupMass, ...]:
    """Every group that is no image; a contribution is of the only group of its kind."""
    nothing = np.zeros(0, np.float32)
    return tuple(
        GroupMass(
            group.kind,
            math.nan,
            nothing,
            group.labels,
            contributions.get(group.kind, math.nan)
            if len(layout.of_kind(group.kind)) == 1
            else math.nan,
        )
        for group in layout.groups
        if group.camera is None
    )


def _part_shares(parts: Mapping[str, float]) -> dict[str, float]:
    """Each part's share of all that are known, in absolute terms; NaN if it is not known."""
    whole = sum(abs(part) for part in parts.values() if math.isfinite(part))
    return {name: abs(part) / whole if whole > 0 else math.nan for name, part in parts.items()}


def _magnitude(values: NDArray[np.float32], camera: CameraTokens) -> NDArray[np.floating]:
    """(rows, cols) absolute attribution."""
    if not np.isfinite(values).all():
        message = f"the attributions of {camera.feature} are not all finite"
        raise AttentionError(message)
    return _per_cell(np.abs(values, dtype=np.float64), camera)


def _per_cell(values: NDArray[np.floating], camera: CameraTokens) -> NDArray[np.floating]:
    """(rows, cols) of values per cell, or the sums of values per pixel."""
    if values.shape == (camera.rows, camera.cols):
        return values
    if values.shape != (camera.height, camera.width):
        message = (
            f"{camera.feature} has attributions of shape {values.shape}: it must be its pixels' "
            f"{(camera.height, camera.width)} or its cells' {(camera.rows, camera.cols)}"
        )
        raise AttentionError(message)
    return pool_into_cells(values, camera)


def _camera_map(
    camera: CameraTokens,
    share: NDArray[np.floating],
    signed: NDArray[np.float32] | None,
    parts: Mapping[str, float],
    shares: Mapping[str, float],
) -> CameraMap:
    row, col = divmod(int(share.argmax()), camera.cols)
    return CameraMap(
        feature=camera.feature,
        cells=share.astype(np.float32),
        share=float(share.sum()),
        peak=(row, col),
        x0=camera.x0,
        y0=camera.y0,
        dx=camera.dx,
        dy=camera.dy,
        signed=signed,
        contribution=parts.get(camera.feature, math.nan),
        part_share=shares.get(camera.feature, math.nan),
    )


def _entropy(shares: list[NDArray[np.floating]]) -> float:
    flat = np.concatenate([share.ravel() for share in shares])
    positive = flat[flat > 0]
    return max(0.0, float(-(positive * np.log(positive)).sum()))
