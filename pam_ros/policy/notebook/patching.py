# SPDX-License-Identifier: Apache-2.0
"""What activation patching found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_SHOWN = 40


@dataclass(frozen=True, eq=False, repr=False)
class Patching:
    """Chunks of a clean pass, a corrupted one, and the corrupted one with one clean activation.

    Attributes:
        clean, corrupted: (chunk_size, action_dim) float32, un-normalised.
        chunks: the patched ones by the name of the activation.
        std: (action_dim,), of the training actions, by which joints are weighed; None: all alike.
    """

    clean: NDArray[np.float32]
    corrupted: NDArray[np.float32]
    chunks: Mapping[str, NDArray[np.float32]]
    std: NDArray[np.float64] | None = None

    @cached_property
    def recovered(self) -> dict[str, float]:
        """By name, how far a patch leads from the corrupted chunk to the clean one.

        (patched - corrupted) . (clean - corrupted) / |clean - corrupted|^2: 0 where it changes
        nothing, 1 where it brings the clean chunk back; NaN where the two chunks are the same.
        """
        way = self._weighed(self.clean - self.corrupted)
        length = float((way * way).sum())
        return {
            name: float((self._weighed(chunk - self.corrupted) * way).sum()) / length
            if length > 0
            else float("nan")
            for name, chunk in self.chunks.items()
        }

    def __getitem__(self, name: str) -> float:
        return self.recovered[name]

    def __repr__(self) -> str:
        best = sorted(self.recovered.items(), key=lambda one: -abs(one[1]))[:3]
        most = ", ".join(f"{name} {value:.0%}" for name, value in best)
        return f"<patching of {len(self.chunks)} activations; most recovered: {most}>"

    def _repr_html_(self) -> str:
        rows = []
        for name, value in list(self.recovered.items())[:_SHOWN]:
            width = 0 if np.isnan(value) else 160 * min(abs(value), 1.0)
            colour = "#0072b2" if value >= 0 else "#d55e00"
            rows.append(
                f'<tr><td style="text-align:left"><code>{escape(name)}</code></td>'
                f'<td style="text-align:left;width:170px"><div style="background:{colour};'
                f'height:10px;width:{width:.0f}px"></div></td><td>{value:.1%}</td></tr>'
            )
        left = len(self.recovered) - len(rows)
        more = f"<caption>and {left} more</caption>" if left else ""
        head = "<tr><th>activation</th><th></th><th>recovered</th></tr>"
        return f"<table>{more}{head}{''.join(rows)}</table>"

    def _weighed(self, difference: NDArray[np.float32]) -> NDArray[np.float64]:
        scale = 1.0 if self.std is None else np.where(self.std > 0, self.std, 1.0)
        return difference.astype(np.float64) / scale
