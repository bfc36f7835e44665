# SPDX-License-Identifier: Apache-2.0
"""Numbers for JSON, which knows no NaN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def numbers(values: npt.NDArray[Any] | Sequence[float], digits: int = 4) -> list[float | None]:
    """The values, rounded; None for what is not finite."""
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]
