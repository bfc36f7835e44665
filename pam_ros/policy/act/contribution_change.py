# SPDX-License-Identifier: Apache-2.0
"""The target `change`: the direction from an earlier tick's plan to this one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.contribution import Before


def change_of(
    now: NDArray[np.float32], before: Before | None, rows: slice
) -> tuple[NDArray[np.float32], str]:
    """How a chunk differs from an earlier one at the same moments.

    Args:
        now: (C, A), in the policy's units.
        before: the earlier one.
        rows: the steps that count.

    Returns:
        (C, A) in the policy's units, 0 at steps that do not count or that the earlier chunk has
        not; and why there is none, empty if there is one.
    """
    change = np.zeros_like(now)
    if before is None:
        return change, "target 'change' needs an earlier tick of the episode that had a pass"
    stop = min(rows.stop, len(now) - before.ticks)
    if before.chunk.shape != now.shape or before.ticks < 1 or stop <= rows.start:
        return change, (
            f"target 'change' has no step that the chunk of {before.ticks} ticks ago had predicted"
        )
    common = slice(rows.start, stop)
    earlier = slice(common.start + before.ticks, common.stop + before.ticks)
    change[common] = now[common] - before.chunk[earlier]
    return change, ""
