# SPDX-License-Identifier: Apache-2.0
"""Cameras that stamp by a clock of their own, and the contract that says so."""

from __future__ import annotations

import time

WRAP_US = 2**32
"""A counter of microseconds with 32 bits begins anew after 1 h 11 min."""
_RUNNING_S = 4300.0
"""So long the cameras have run when a bench is opened: longer than until such a counter wraps."""


def camera_start_now() -> float:
    """When cameras were switched on that have run just as long now [s, wall clock]."""
    return round(time.time() - _RUNNING_S)


def with_own_clocks(contract: str, start_s: float) -> str:
    """The suite's contract with cameras whose stamps count from their start.

    One has an offset, the other's messages count from their arrival.
    """
    top, wrist = "feature: observation.images.top", "feature: observation.images.wrist"
    return contract.replace(top, f"stamp_offset_s: {start_s}, {top}").replace(
        wrist, f"stamp: arrival, {wrist}"
    )
