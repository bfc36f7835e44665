# SPDX-License-Identifier: Apache-2.0
"""rclpy.impl.implementation_singleton: where some programs look for the middleware's errors."""

from __future__ import annotations

from . import middleware_errors as rclpy_implementation

__all__ = ["rclpy_implementation"]
