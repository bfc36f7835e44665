# SPDX-License-Identifier: Apache-2.0
"""rclpy.impl.implementation_singleton: where some programs look for the middleware's errors."""

from __future__ import annotations

from . import middleware as rclpy_implementation

__all__ = ["rclpy_implementation"]
