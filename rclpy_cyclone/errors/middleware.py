# SPDX-License-Identifier: Apache-2.0
"""What rclpy's C layer raises: public as rclpy._rclpy_pybind11 alone, but for InvalidHandle."""

from __future__ import annotations


class RCLError(RuntimeError):
    """The middleware refused."""


class InvalidHandle(RuntimeError):
    """The entity has been destroyed."""


class NodeNameNonExistentError(RCLError):
    """No node of this name is in the graph."""


class UnknownROSArgsError(RuntimeError):
    """--ros-args are followed by something that is no ROS argument."""


class RCLInvalidROSArgsError(RCLError):
    """The arguments given to a node cannot be parsed."""


class RemapError(RuntimeError):
    """A remapping rule cannot be applied."""


class UnsupportedEventTypeError(RCLError):
    """This runtime does not report events of this type."""
