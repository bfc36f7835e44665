# SPDX-License-Identifier: Apache-2.0
"""rclpy.time and rclpy.clock_type: a point in time on one kind of clock."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from rclpy_cyclone.types.messages import message_class

from .duration import S_TO_NS, Duration

TimeMsg: Any = message_class("builtin_interfaces/msg/Time")


class ClockType(IntEnum):
    """The kinds of clock."""

    UNINITIALIZED = 0
    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3


class Time:
    """Nanoseconds since the epoch of a clock type; only times of one type compare or subtract.

    Raises:
        ValueError: a negative number.
        OverflowError: the time does not fit 63 bits.

    """

    def __init__(
        self,
        *,
        seconds: float = 0,
        nanoseconds: int = 0,
        clock_type: ClockType = ClockType.SYSTEM_TIME,
    ) -> None:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        if seconds < 0:
            raise ValueError("Seconds value must not be negative")
        if nanoseconds < 0:
            raise ValueError("Nanoseconds value must not be negative")
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if total >= 2**63:
            raise OverflowError("Total nanoseconds value is too large to store in C time point.")
        self._nanoseconds = total
        self._clock_type = clock_type

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since the clock's epoch."""
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        """The kind of clock that this time is on."""
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Whole seconds, and the nanoseconds that are left."""
        return self._nanoseconds // S_TO_NS, self._nanoseconds % S_TO_NS

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"

    def __add__(self, other: object) -> Time:
        if not isinstance(other, Duration):
            return NotImplemented
        try:
            return Time(
                nanoseconds=self._nanoseconds + other.nanoseconds, clock_type=self._clock_type
            )
        except OverflowError as error:
            raise OverflowError("Addition leads to overflow in C storage.") from error

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        if isinstance(other, Time):
            if self._clock_type != other._clock_type:
                raise TypeError("Can't subtract times with different clock types")
            return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)
        if isinstance(other, Duration):
            try:
                return Time(
                    nanoseconds=self._nanoseconds - other.nanoseconds, clock_type=self._clock_type
                )
            except ValueError as error:
                raise ValueError("Subtraction leads to negative time.") from error
        return NotImplemented

    def _other(self, other: Time) -> int:
        if self._clock_type != other._clock_type:
            raise TypeError("Can't compare times with different clock types")
        return other._nanoseconds

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return self._nanoseconds == self._other(other)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return self._nanoseconds < self._other(other)

    def __le__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return self._nanoseconds <= self._other(other)

    def __gt__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return self._nanoseconds > self._other(other)

    def __ge__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return self._nanoseconds >= self._other(other)

    __hash__ = None  # type: ignore[assignment]

    def to_msg(self) -> Any:
        """The same time as builtin_interfaces.msg.Time."""
        seconds, nanoseconds = self.seconds_nanoseconds()
        return TimeMsg(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: Any, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        """The time of a builtin_interfaces.msg.Time."""
        if not isinstance(msg, TimeMsg):
            raise TypeError("Must pass a builtin_interfaces.msg.Time object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)
