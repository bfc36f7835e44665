# SPDX-License-Identifier: Apache-2.0
"""One tick's tokens to features, live in the sidecar and offline alike.

Tokens are rounded to float16, as they travel, before they are encoded: the same tick gives the same
features wherever it is encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store import first_not_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.model import SAE
    from pam_ros.sae.tokens import RowTable


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
        self._mean = None if sae.stats is None else torch.from_numpy(sae.stats.mean).float()

    @torch.inference_mode()
    def encode(self, rows: NDArray[np.floating[Any]], table: RowTable) -> TickFeatures:
        """The features of rows (R, D), float16 or float32; float32 is rounded to float16 first.

        Raises:
            SaeError: another width, a table of other length, or a value that is not finite.
        """
        width = self.sae.cfg.d_in
        if rows.ndim != 2 or rows.shape[1] != width or len(rows) != len(table) or not len(rows):
            raise SaeError(
                f"rows have shape {rows.shape}, their table {len(table)}: they must be "
                f"({len(table)}, {width}), at least one"
            )
        with np.errstate(over="ignore"):
            halves = np.asarray(rows, dtype=np.float16)
        bad = first_not_finite(halves)
        if bad is not None:
            raise SaeError(f"token {table.token[bad]} holds a value that is not finite in float16")
        x = torch.from_numpy(halves.astype(np.float32))
        activations = self.sae.encode(x)
        where, features = torch.nonzero(activations, as_tuple=True)
        values = activations[where, features]
        offset = torch.zeros(len(x) + 1, dtype=torch.int64)
        torch.cumsum(torch.bincount(where, minlength=len(x)), 0, out=offset[1:])
        model = self.sae.b_dec + torch.nn.functional.embedding_bag(
            features,
            self.sae.W_dec,
            offset,
            per_sample_weights=values,
            mode="sum",
            include_last_offset=True,
        )
        squared = float((x - model).square().sum())
        explained = float("nan")
        if self._mean is not None:
            spread = float((x - self._mean).square().sum())
            explained = 1 - squared / spread if spread > 0 else float("nan")
        # As activations.max(dim=0), the first row where several are equal, in a tenth of its time.
        largest = torch.zeros(self.sae.cfg.d_sae).scatter_reduce_(0, features, values, "amax")
        first = values == largest[features]
        peak = torch.full((self.sae.cfg.d_sae,), len(x), dtype=torch.int64)
        peak.scatter_reduce_(0, features[first], where[first], "amin")
        (active,) = torch.nonzero(largest, as_tuple=True)
        active = active[torch.argsort(largest[active], descending=True, stable=True)]
        token = peak[active].numpy()
        return TickFeatures(
            index=active.numpy().astype(np.uint32),
            maximum=largest[active].numpy(),
            token=token.astype(np.uint32),
            kind=table.kind[token],
            camera=table.camera[token],
            row=table.row[token],
            col=table.col[token],
            l0=len(values) / len(x),
            mean_squared_error=squared / x.numel(),
            explained_variance=explained,
            code=TickCode(
                offset.numpy().astype(np.uint32),
                features.numpy().astype(np.uint32),
                values.numpy(),
            )
            if self.full_code
            else None,
        )
