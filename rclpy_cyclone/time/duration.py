# SPDX-License-Identifier: Apache-2.0
"""rclpy.duration: a span of time in nanoseconds."""

from __future__ import annotations

from functools import total_ordering
from typing import Any

from rclpy_cyclone.types.messages import message_class

S_TO_NS = 1000 * 1000 * 1000
DurationMsg: Any = message_class("builtin_interfaces/msg/Duration")


@total_ordering
class Duration:
    """A signed span of time of 64-bit nanoseconds.

    Raises:
        OverflowError: the span does not fit 64 bits.

    """

    def __init__(self, *, seconds: float = 0, nanoseconds: int = 0) -> None:
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if not -(2**63) <= total < 2**63:
            raise OverflowError("Total nanoseconds value is too large to store in C duration.")
        self._nanoseconds = total

    @property
    def nanoseconds(self) -> int:
        """The span in nanoseconds."""
        return self._nanoseconds

    def __repr__(self) -> str:
        return f"Duration(nanoseconds={self._nanoseconds})"

    def __str__(self) -> str:
        return "Infinite" if self == Infinite else f"{self._nanoseconds} nanoseconds"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds == other._nanoseconds
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds < other._nanoseconds
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def to_msg(self) -> Any:
        """The same span as builtin_interfaces.msg.Duration."""
        seconds, nanoseconds = divmod(self._nanoseconds, S_TO_NS)
        return DurationMsg(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: Any) -> Duration:
        """The span of a builtin_interfaces.msg.Duration."""
        if not isinstance(msg, DurationMsg):
            raise TypeError("Must pass a builtin_interfaces.msg.Duration object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec)


Infinite = Duration(nanoseconds=2**63 - 1)
