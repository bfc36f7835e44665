# SPDX-License-Identifier: Apache-2.0
"""One tick's tokens to features, live in the sidecar and offline alike.

Tokens are rounded to float16, as they travel, before they are encoded, and always in float32: the
same tick gives the same features wherever it is encoded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sae.arch.active import ActiveFeatures
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.halves import all_finite, to_halves
from pam_ros.sae.store.token_store import first_not_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.sae.arch.active import Active
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.tokens import RowTable


@dataclass(frozen=True, eq=False)
class TickCode:
    """The whole sparse code: row r holds entries offset[r] up to offset[r + 1].

    offset: (R + 1,) uint32. index: feature of each entry, uint32, rising within a row. value:
    float32, > 0.
    """

    offset: NDArray[np.uint32]
    index: NDArray[np.uint32]
    value: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TickFeatures:
    """The features of one tick, as in msg/SaeFeatures.msg.

    One entry per active feature, strongest first. index: (K,) uint32. maximum: (K,) float32, over
    the rows, > 0. token: (K,) uint32, the row where it peaks. kind: (K,) uint8; camera, row, col:
    (K,) int16, of that row. l0: mean number of active features per row. mean_squared_error: per
    value. explained_variance: about the training tokens' mean per dimension; NaN where the SAE has
    no statistics. code: None unless asked for.
    """

    index: NDArray[np.uint32]
    maximum: NDArray[np.float32]
    token: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    camera: NDArray[np.int16]
    row: NDArray[np.int16]
    col: NDArray[np.int16]
    l0: float
    mean_squared_error: float
    explained_variance: float
    code: TickCode | None = None


class TickEncoder:
    """Encodes ticks with one SAE. Holds its memory: not for two threads at once.

    Args:
        sae: as load_sae gives it.
        full_code: whether the features carry the whole code.
    """

    def __init__(self, sae: SAE, *, full_code: bool = False) -> None:
        self.sae = sae
        self.full_code = full_code
        self._active = ActiveFeatures(sae)
        self._mean = None if sae.stats is None else torch.from_numpy(sae.stats.mean).float()

    @torch.inference_mode()
    def encode(self, rows: NDArray[np.floating[Any]], table: RowTable) -> TickFeatures:
        """The features of rows (R, D), float16 or float32; float32 is rounded to float16 first.

        Raises:
            SaeError: another width, a table of other length, a value that is not finite, or an SAE
                that makes such values of them.
        """
        width = self.sae.cfg.d_in
        if rows.ndim != 2 or rows.shape[1] != width or len(rows) != len(table) or not len(rows):
            raise SaeError(
                f"rows have shape {rows.shape}, their table {len(table)}: they must be "
                f"({len(table)}, {width}), at least one"
            )
        halves = to_halves(rows)
        x = torch.from_numpy(halves).float()
        if not all_finite(halves):
            bad = first_not_finite(halves)
            raise SaeError(f"token {table.token[bad]} holds a value that is not finite in float16")
        active = self._active.find(x)
        features = torch.from_numpy(active.feature)
        values = torch.from_numpy(active.value)
        squared = self._squared_error(x, active)
        explained = math.nan
        if self._mean is not None:
            spread = float((x - self._mean).square().sum())
            explained = 1 - squared / spread if spread > 0 else math.nan
        # The first row where several are equal.
        largest = torch.zeros(self.sae.cfg.d_sae).scatter_reduce_(0, features, values, "amax")
        if not (math.isfinite(squared) and math.isfinite(float(largest.sum()))):
            raise SaeError("the features are not finite: the SAE's weights are too large")
        first = values == largest[features]
        peak = torch.full((self.sae.cfg.d_sae,), len(x), dtype=torch.int64)
        peak.scatter_reduce_(0, features[first], torch.from_numpy(active.row)[first], "amin")
        (fired,) = torch.nonzero(largest, as_tuple=True)
        fired = fired[torch.argsort(largest[fired], descending=True, stable=True)]
        token = peak[fired].numpy()
        return TickFeatures(
            index=fired.numpy().astype(np.uint32),
            maximum=largest[fired].numpy(),
            token=token.astype(np.uint32),
            kind=table.kind[token],
            camera=table.camera[token],
            row=table.row[token],
            col=table.col[token],
            l0=len(values) / len(x),
            mean_squared_error=squared / x.numel(),
            explained_variance=explained,
            code=_code(active) if self.full_code else None,
        )

    def _squared_error(self, x: Tensor, active: Active) -> float:
        """Of the reconstruction, which takes the decoder's rows of the active features alone."""
        model = torch.nn.functional.embedding_bag(
            torch.from_numpy(active.feature),
            self.sae.W_dec,
            torch.from_numpy(active.offset),
            per_sample_weights=torch.from_numpy(active.value),
            mode="sum",
            include_last_offset=True,
        )
        return float(model.add_(self.sae.b_dec).sub_(x).square_().sum())


def _code(active: Active) -> TickCode:
    return TickCode(active.offset.astype(np.uint32), active.feature.astype(np.uint32), active.value)
