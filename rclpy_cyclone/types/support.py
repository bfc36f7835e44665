# SPDX-License-Identifier: Apache-2.0
"""rclpy.type_support: whether something is a message or a service class."""

from __future__ import annotations

from typing import Any

from .messages import Message


def check_for_type_support(msg_or_srv_type: Any) -> None:
    """Raise AttributeError, with rclpy's advice, unless this is a message or service class."""
    is_message = isinstance(msg_or_srv_type, type) and issubclass(msg_or_srv_type, Message)
    if not is_message and not hasattr(msg_or_srv_type, "__service_name__"):
        raise AttributeError(
            f"type object '{type(msg_or_srv_type).__name__}' has no attribute '_TYPE_SUPPORT' This "
            "might be a ROS 1 message type but it should be a ROS 2 message type. Make sure to "
            "source your ROS 2 workspace after your ROS 1 workspace."
        )


def check_is_valid_msg_type(msg_type: Any) -> None:
    """Raise unless this is a message class."""
    check_for_type_support(msg_type)
    if hasattr(msg_type, "__service_name__"):
        raise RuntimeError(
            f"The message type provided is not valid ({msg_type}), this might be a service or "
            "action"
        )


def check_is_valid_srv_type(srv_type: Any) -> None:
    """Raise unless this is a service class."""
    check_for_type_support(srv_type)
    if not hasattr(srv_type, "__service_name__"):
        raise RuntimeError(
            f"The service type provided is not valid ({srv_type}), this might be a message or "
            "action"
        )
