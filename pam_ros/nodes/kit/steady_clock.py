# SPDX-License-Identifier: Apache-2.0
"""A clock that nobody sets."""

from __future__ import annotations

from rclpy.clock import Clock
from rclpy.clock_type import ClockType


def steady_clock() -> Clock:
    """For timers: a wall clock that is set back stops those on it."""
    return Clock(clock_type=ClockType.STEADY_TIME)
