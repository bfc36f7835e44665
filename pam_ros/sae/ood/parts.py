# SPDX-License-Identifier: Apache-2.0
"""What one tick looks like beside the training set: a few numbers per camera.

error: log10 of each token's squared reconstruction error, about what is usual at its position in
the policy's token sequence, in that position's standard deviations; the mean over a camera's
tokens.

rarity: how surprising a token's active features are, minus the log-likelihood of the features that
fire and that do not, each on its own, under how often they fire at that position; standardised and
averaged as above.

missing: how surprising it is that features which are active somewhere in the camera's picture in
most ticks are active nowhere in it now, minus the log-likelihood of that, each on its own: what is
new is often told by what is gone.

The tokens that are no camera's make up one more group, "other", that has no `missing`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.encoder import TickCode
    from pam_ros.sae.store.tokens import RowTable

_MOSTLY = 0.5
"""A feature that is in the picture less often is not missed."""

_NEVER = 1e-4
"""Lowest rate of firing that is believed: no finite set shows that a feature never fires."""


@dataclass(frozen=True, eq=False)
class TickNumbers:
    """Of one tick, NaN without tokens.

    error, rarity: (cameras + 1,) float64, per camera and then "other". missing: (cameras,) float64.
    """

    error: NDArray[np.float64]
    rarity: NDArray[np.float64]
    missing: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingNorms:
    """What is usual at each of T positions, by the training set.

    error_mean, error_std, rarity_mean, rarity_std: (T,) float32. rate: (T, F) float32, how often
    each feature fires. spread: (T,) float32, mean square of a token about its position's mean.
    present: (cameras, F) float32, how often each feature fires anywhere in a camera's picture.
    """

    error_mean: NDArray[np.float32]
    error_std: NDArray[np.float32]
    rarity_mean: NDArray[np.float32]
    rarity_std: NDArray[np.float32]
    rate: NDArray[np.float32]
    spread: NDArray[np.float32]
    present: NDArray[np.float32]

    def __post_init__(self) -> None:
        positions, features = len(self.spread), self.rate.shape[-1]
        for field in fields(self):
            array = getattr(self, field.name)
            right: tuple[int, ...] = (positions,)
            if field.name == "rate":
                right = (positions, features)
            elif field.name == "present":
                right = (len(self.present), features)
            if array.shape != right:
                raise SaeError(f"{field.name} has shape {array.shape}, not {right}")
            if not np.isfinite(array).all():
                raise SaeError(f"{field.name} is not all finite")
        rate = np.clip(self.rate, _NEVER, 1 - _NEVER)
        object.__setattr__(self, "_silent", -np.log1p(-rate).sum(axis=1))
        object.__setattr__(self, "_fires", np.log1p(-rate) - np.log(rate))
        often = np.clip(self.present, _NEVER, 1 - _NEVER)
        lost = np.where(often > _MOSTLY, -np.log1p(-often), 0).astype(np.float32)
        object.__setattr__(self, "_lost", lost)

    def surprise(self, token: NDArray[np.int64], code: TickCode, rows: int) -> NDArray[np.float64]:
        """Minus the log-likelihood of each row's active set, (R,), in nats."""
        row = np.repeat(np.arange(rows), np.diff(code.offset.astype(np.int64)))
        fires: NDArray[np.float32] = self._fires  # type: ignore[attr-defined]
        silent: NDArray[np.float32] = self._silent  # type: ignore[attr-defined]
        per_entry = fires[token[row], code.index.astype(np.int64)]
        summed: NDArray[np.float64] = np.bincount(row, per_entry, minlength=rows).astype(np.float64)
        return summed + silent[token].astype(np.float64)

    def missing(self, table: RowTable, code: TickCode) -> NDArray[np.float64]:
        """Minus the log-likelihood of what is in no cell of each camera, (cameras,), in nats."""
        found = np.full(len(self.present), np.nan)
        lost: NDArray[np.float32] = self._lost  # type: ignore[attr-defined]
        camera = _camera_of_entries(table, code)
        for index in range(len(found)):
            if (table.camera == index).any():
                absent = lost[index].copy()
                absent[code.index[camera == index]] = 0
                found[index] = absent.sum(dtype=np.float64)
        return found


def camera_features(
    table: RowTable, code: TickCode, cameras: int, features: int
) -> NDArray[np.bool_]:
    """Which features fire anywhere in each camera's picture, (cameras, F)."""
    found = np.zeros((cameras, features), bool)
    camera = _camera_of_entries(table, code)
    cells = camera >= 0
    found[camera[cells], code.index[cells]] = True
    return found


def _camera_of_entries(table: RowTable, code: TickCode) -> NDArray[np.int16]:
    return np.repeat(table.camera, np.diff(code.offset.astype(np.int64)))


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
    usual: TrainingNorms,
    rows: NDArray[np.float32],
    table: RowTable,
    code: TickCode,
    cameras: int,
) -> TickNumbers:
    """The numbers of one tick's rows (R, D) float32, rounded to float16 before, and their code.

    Raises:
        SaeError: a token or a camera that the policy has not.
    """
    token = table.token.astype(np.int64)
    if len(token) and table.camera.max() >= cameras:
        raise SaeError(f"camera {table.camera.max()} is none of this policy's {cameras}")
    if len(token) and token.max() >= len(usual.spread):
        raise SaeError(
            f"token {token.max()} is none of this policy's: it must be below {len(usual.spread)}"
        )
    error = np.log10(squared_errors(sae, rows, code) + 1e-12)
    error = (error - usual.error_mean[token]) / usual.error_std[token]
    surprise = usual.surprise(token, code, len(rows))
    surprise = (surprise - usual.rarity_mean[token]) / usual.rarity_std[token]
    return TickNumbers(
        group_means(error, table, cameras),
        group_means(surprise, table, cameras),
        usual.missing(table, code),
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
