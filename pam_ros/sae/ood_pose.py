# SPDX-License-Identifier: Apache-2.0
"""What the joint state's token says the other tokens should be.

Least squares from the first principal components of the joint state's token, their squares and
products, to every token of the tick. Objects in the picture are not in the joints: what they do to
the tokens is in the residual that is usual.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.sae.tokens import KIND_JOINT_STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pam_ros.sae.tokens import RowTable

COMPONENTS = 12
WORST = 0.05
"""Share of a group's tokens, the worst, whose mean is its number."""

LARGEST = 1 << 24
"""Weights at most: fewer components where there are many tokens."""

_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class PoseModel:
    """Of a sampler that gives the same tokens in every tick.

    token: (R,) int64, which. centre: (D,) and axes: (k, D) float32, axes divided by their standard
    deviation. weights: (1 + k + k (k + 1) / 2, R, D) float16. usual: (R,) float32, mean square of
    the residual.
    """

    token: NDArray[np.int64]
    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    weights: NDArray[np.float16]
    usual: NDArray[np.float32]

    def __post_init__(self) -> None:
        rows, width, k = len(self.token), len(self.centre), len(self.axes)
        right = {
            "token": (rows,),
            "centre": (width,),
            "axes": (k, width),
            "weights": (1 + k + k * (k + 1) // 2, rows, width),
            "usual": (rows,),
        }
        for field in fields(self):
            array = getattr(self, field.name)
            if array.shape != right[field.name] or not np.isfinite(array).all():
                raise SaeError(f"the pose's {field.name} is damaged: shape {array.shape}")
        flat = self.weights.astype(np.float32).reshape(len(self.weights), -1)
        object.__setattr__(self, "_weights", flat)

    def numbers(
        self, rows: NDArray[np.float32], table: RowTable, cameras: int
    ) -> NDArray[np.float64]:
        """Per camera and then "other", (cameras + 1,); NaN without tokens, or other tokens."""
        result = np.full(cameras + 1, np.nan)
        if not np.array_equal(table.token, self.token):
            return result
        features = pose_features(joint_row(rows, table), self.centre, self.axes)
        weights: NDArray[np.float32] = self._weights  # type: ignore[attr-defined]
        model = (features @ weights).reshape(rows.shape)
        ratio = np.square(rows - model).sum(axis=1, dtype=np.float64) / self.usual
        group = np.where(table.camera < 0, cameras, table.camera)
        for index in range(cameras + 1):
            values = np.sort(ratio[group == index])
            if len(values):
                worst = values[-max(1, round(WORST * len(values))) :]
                result[index] = np.log10(worst.mean() + 1e-12)
        return result


def fit_pose(
    ticks: Callable[[], Iterator[tuple[NDArray[np.float32], RowTable]]],
) -> PoseModel | None:
    """The model of some ticks, read three times; None where tokens differ from tick to tick.

    Args:
        ticks: gives the ticks anew at every call: rows (R, D) float32 and their table.
    """
    first: RowTable | None = None
    joints = []
    for rows, table in ticks():
        first = first or table
        if not np.array_equal(first.token, table.token):
            return None
        joint = joint_row(rows, table)
        if joint is not None:
            joints.append(joint.astype(np.float64))
    if first is None:
        raise SaeError("there is no tick to fit the pose on")
    count, width = len(joints) or 1, rows.shape[1]
    # More features than a fifth of the ticks would fit the ticks one by one.
    most = min(count / 5, LARGEST / (len(first) * width))
    k = COMPONENTS
    while k and 1 + k + k * (k + 1) // 2 > most:
        k -= 1
    centre, axes = np.zeros(width), np.zeros((0, width))
    if joints and k:
        stacked = np.stack(joints)
        centre = stacked.mean(axis=0)
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(stacked.T)))
        kept = np.argsort(-values)[:k]
        kept = kept[values[kept] > 1e-9 * max(float(values.max()), 1e-30)]
        axes = (vectors[:, kept] / np.sqrt(values[kept])).T
    centre32, axes32 = centre.astype(np.float32), axes.astype(np.float32)
    size = 1 + len(axes) + len(axes) * (len(axes) + 1) // 2
    gram = np.zeros((size, size))
    product = np.zeros((size, len(first), width), np.float32)
    count = 0
    for rows, table in ticks():
        features = pose_features(joint_row(rows, table), centre32, axes32)
        gram += np.outer(features, features)
        product += features[:, None, None] * rows
        count += 1
    gram += _RIDGE * np.trace(gram) / size * np.eye(size)
    weights = np.linalg.solve(gram, product.reshape(size, -1)).reshape(product.shape)
    half = weights.astype(np.float16)
    # As the model will see them.
    rounded = half.astype(np.float32).reshape(size, -1)
    squares = np.zeros(len(first))
    for rows, table in ticks():
        features = pose_features(joint_row(rows, table), centre32, axes32)
        model = (features @ rounded).reshape(rows.shape)
        squares += np.square(rows - model).sum(axis=1, dtype=np.float64)
    usual = np.maximum(squares / count, 1e-12).astype(np.float32)
    return PoseModel(first.token.astype(np.int64), centre32, axes32, half, usual)


def pose_features(
    joint: NDArray[np.float32] | None, centre: NDArray[np.float32], axes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """1, the components, their squares and products."""
    if joint is None or not len(axes):
        parts: NDArray[np.float32] = np.zeros(len(axes), np.float32)
    else:
        # A joint state far from all that was seen: its squares would be without bound.
        parts = np.clip(axes @ (joint.reshape(-1) - centre), -8, 8)
    i, j = np.triu_indices(len(axes))
    features: NDArray[np.float32] = np.concatenate(
        [np.ones(1, np.float32), parts, parts[i] * parts[j]]
    ).astype(np.float32)
    return features


def joint_row(rows: NDArray[np.float32], table: RowTable) -> NDArray[np.float32] | None:
    """The joint state's token (D,), or None."""
    (index,) = np.nonzero(table.kind == KIND_JOINT_STATE)
    return rows[index[0]] if len(index) else None
