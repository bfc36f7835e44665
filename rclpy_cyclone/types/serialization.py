# SPDX-License-Identifier: Apache-2.0
"""rclpy.serialization: messages as CDR bytes and back."""

from __future__ import annotations

from typing import Any

from .messages import codec
from .support import check_is_valid_msg_type


def serialize_message(message: Any) -> bytes:
    """The CDR bytes of a message, header included."""
    check_is_valid_msg_type(type(message))
    return codec(type(message)).encode(message)


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    """The message in CDR bytes.

    Raises:
        CdrError: the bytes are not a message of this type.

    """
    check_is_valid_msg_type(message_type)
    return codec(message_type).decode(serialized_message)
