# SPDX-License-Identifier: Apache-2.0
"""The stamps of messages in nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.message_types.builtin_interfaces import Time

_SECOND = 1_000_000_000


def set_stamp(stamp: Time, nanoseconds: int) -> None:
    """Write a time in nanoseconds into a builtin_interfaces/msg/Time."""
    stamp.sec, stamp.nanosec = divmod(nanoseconds, _SECOND)


def stamp_nanoseconds(stamp: Time) -> int:
    """A message's stamp in nanoseconds."""
    return int(stamp.sec) * _SECOND + int(stamp.nanosec)
