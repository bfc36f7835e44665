# SPDX-License-Identifier: Apache-2.0
"""What one tick looks like beside the training set: a few numbers per camera.

error: log10 of each token's squared reconstruction error, about what is usual at its position in
the policy's token sequence, in that position's standard deviations; the mean over a camera's
tokens.

rarity: how surprising a token's active features are, minus the log-likelihood of the features that
fire and that do not, each on its own, under how often they fire at that position; standardised and
averaged as above.

pose: log10 of how far the tokens are from what the joint state's token predicts of them, relative
to what is usual; the mean over the camera's worst twentieth. A picture that does not move with the
arm shows here even where attention has mixed the cameras.

still: log10 of how far the joint state's token moved between two ticks over how far the camera's
tokens did.

The tokens that are no camera's make up one more group, "other", that has no `still`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.sae.tokens import KIND_JOINT_STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.encoder import TickCode
    from pam_ros.sae.model import SAE
    from pam_ros.sae.ood_pose import PoseModel
    from pam_ros.sae.tokens import RowTable

GROUP_PARTS = ("error", "rarity", "pose")

FLOOR = 1e-3
"""Added to squared differences, which are around 1 between unrelated ticks: what lies below is
rounding to float16."""

_LEAST_SHARED = 4
"""Tokens that two ticks must share for a camera's change to be measured."""

_NEVER = 1e-4
"""Lowest rate of firing that is believed: no finite set shows that a feature never fires."""


@dataclass(frozen=True, eq=False)
class TickNumbers:
    """Of one tick. error, rarity, pose: (G,) float64, per camera, then "other"; NaN without tokens.

    rows: (R, D) float32 and token, camera, kind: (R,) are kept to compare ticks.
    """

    error: NDArray[np.float64]
    rarity: NDArray[np.float64]
    pose: NDArray[np.float64]
    rows: NDArray[np.float32]
    token: NDArray[np.int64]
    camera: NDArray[np.int16]
    kind: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual at each of T positions, by the training set.

    error_mean, error_std, rarity_mean, rarity_std: (T,) float32. rate: (T, F) float32, how often
    each feature fires. spread: (T,) float32, mean square of a token about its position's mean.
    """

    error_mean: NDArray[np.float32]
    error_std: NDArray[np.float32]
    rarity_mean: NDArray[np.float32]
    rarity_std: NDArray[np.float32]
    rate: NDArray[np.float32]
    spread: NDArray[np.float32]

    def __post_init__(self) -> None:
        positions = len(self.spread)
        for field in fields(self):
            array = getattr(self, field.name)
            if len(array) != positions or array.ndim != 1 + (field.name == "rate"):
                raise SaeError(f"{field.name} has shape {array.shape} for {positions} positions")
            if not np.isfinite(array).all():
                raise SaeError(f"{field.name} is not all finite")
        rate = np.clip(self.rate, _NEVER, 1 - _NEVER)
        object.__setattr__(self, "_silent", -np.log1p(-rate).sum(axis=1))
        object.__setattr__(self, "_fires", np.log1p(-rate) - np.log(rate))

    def surprise(self, token: NDArray[np.int64], code: TickCode, rows: int) -> NDArray[np.float64]:
        """Minus the log-likelihood of each row's active set, (R,), in nats."""
        row = np.repeat(np.arange(rows), np.diff(code.offset.astype(np.int64)))
        fires: NDArray[np.float32] = self._fires  # type: ignore[attr-defined]
        silent: NDArray[np.float32] = self._silent  # type: ignore[attr-defined]
        per_entry = fires[token[row], code.index.astype(np.int64)]
        summed: NDArray[np.float64] = np.bincount(row, per_entry, minlength=rows).astype(np.float64)
        return summed + silent[token].astype(np.float64)


def squared_errors(sae: SAE, rows: NDArray[np.float32], code: TickCode) -> NDArray[np.float64]:
    """Squared reconstruction error of each row, (R,)."""
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    with torch.inference_mode():
        model = sae.b_dec + functional.embedding_bag(
            torch.from_numpy(code.index.astype(np.int64)),
            sae.W_dec,
            torch.from_numpy(code.offset.astype(np.int64)),
            per_sample_weights=torch.from_numpy(code.value),
            mode="sum",
            include_last_offset=True,
        )
        errors: NDArray[np.float64] = (
            (torch.from_numpy(rows) - model).square().sum(dim=1).double().numpy()
        )
    return errors


def tick_numbers(
    sae: SAE,
    usual: Usual,
    rows: NDArray[np.float16],
    table: RowTable,
    code: TickCode,
    cameras: int,
    pose: PoseModel | None = None,
) -> TickNumbers:
    """The numbers of one tick's rows (R, D) float16 and their code."""
    token = table.token.astype(np.int64)
    if len(token) and token.max() >= len(usual.spread):
        raise SaeError(
            f"token {token.max()} is none of this policy's: it must be below {len(usual.spread)}"
        )
    values = rows.astype(np.float32)
    error = np.log10(squared_errors(sae, values, code) + 1e-12)
    surprise = usual.surprise(token, code, len(values))
    return TickNumbers(
        group_means((error - usual.error_mean[token]) / usual.error_std[token], table, cameras),
        group_means(
            (surprise - usual.rarity_mean[token]) / usual.rarity_std[token], table, cameras
        ),
        np.full(cameras + 1, np.nan) if pose is None else pose.numbers(values, table, cameras),
        values,
        token,
        table.camera,
        table.kind,
    )


def group_means(
    values: NDArray[np.floating[Any]], table: RowTable, cameras: int
) -> NDArray[np.float64]:
    """Means of (R,) per camera and of the rest, (cameras + 1,); NaN where there is no row."""
    group = np.where(table.camera < 0, cameras, table.camera)
    counts = np.bincount(group, minlength=cameras + 1).astype(np.float64)
    sums = np.bincount(group, values, minlength=cameras + 1)
    means = np.full(cameras + 1, np.nan)
    means[counts > 0] = sums[counts > 0] / counts[counts > 0]
    return means


def changes(
    now: TickNumbers, before: TickNumbers, usual: Usual, cameras: int
) -> tuple[NDArray[np.float64], float]:
    """Change of each camera, (cameras,), and motion, between two ticks; NaN where not known.

    A sampler that draws anew gives other tokens in every tick: those that both have are compared.
    """
    if np.array_equal(now.token, before.token):
        ours: NDArray[np.intp] = np.arange(len(now.token))
        theirs: NDArray[np.intp] = ours
    else:
        _, ours, theirs = np.intersect1d(
            now.token, before.token, assume_unique=True, return_indices=True
        )
    squares = np.square(now.rows[ours] - before.rows[theirs]).sum(axis=1, dtype=np.float64)
    squares /= usual.spread[now.token[ours]]
    camera = now.camera[ours]
    change = np.full(cameras, np.nan)
    for index in range(cameras):
        chosen = squares[camera == index]
        if len(chosen) >= _LEAST_SHARED:
            change[index] = np.log10(chosen.mean() + FLOOR)
    joints = squares[now.kind[ours] == KIND_JOINT_STATE]
    return change, float(np.log10(joints.mean() + FLOOR)) if len(joints) else float("nan")
