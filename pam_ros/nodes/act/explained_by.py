# SPDX-License-Identifier: Apache-2.0
"""How far what explains is from what commands: another engine or dtype has another chunk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.attention.maps import AttentionMaps


class ExplainedBy:
    """Remembers what maps of contributions say of it. Of any thread."""

    def __init__(self) -> None:
        self._by = ""
        self._last, self._largest = math.nan, 0.0

    def note(self, maps: AttentionMaps) -> None:
        """Take a tick's maps."""
        self._by = maps.explained_by
        if math.isfinite(maps.chunk_difference):
            self._last = maps.chunk_difference
            self._largest = max(self._largest, self._last)

    def values(self) -> dict[str, object]:
        """For /diagnostics; empty while nothing is explained by gradients."""
        if not self._by:
            return {}
        shown: dict[str, object] = {"explained_by": self._by}
        if math.isfinite(self._last):
            shown["explained_chunk_difference"] = f"{self._last:.4f}"
            shown["explained_chunk_difference_max"] = f"{self._largest:.4f}"
        return shown
