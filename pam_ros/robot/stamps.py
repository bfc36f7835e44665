# SPDX-License-Identifier: Apache-2.0
"""The stamps of messages in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.message_types.builtin_interfaces import Time

_SECOND = 1_000_000_000
STAMPS = ("header", "arrival")


@dataclass(frozen=True)
class Stamping:
    """What time the messages of a source are of.

    ``by`` is one of STAMPS: their header's stamp, or when they arrive. ``offset_s`` is added to it
    [s]: positive where the clock that stamps is behind.
    """

    by: str = STAMPS[0]
    offset_s: float = 0.0

    @property
    def offset_ns(self) -> int:
        """What is added [ns]."""
        return round(self.offset_s * _SECOND)


AS_STAMPED = Stamping()
"""What holds unless a contract says otherwise."""


def set_stamp(stamp: Time, nanoseconds: int) -> None:
    """Write a time in nanoseconds into a builtin_interfaces/msg/Time."""
    stamp.sec, stamp.nanosec = divmod(nanoseconds, _SECOND)


def stamp_nanoseconds(stamp: Time) -> int:
    """A message's stamp in nanoseconds."""
    return int(stamp.sec) * _SECOND + int(stamp.nanosec)
