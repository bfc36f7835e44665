# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater.DiagnosticStatusWrapper: a DiagnosticStatus that is filled step by step."""

from __future__ import annotations

from typing import Any

from rclpy_cyclone.types.messages import message_class

_DiagnosticStatus: Any = message_class("diagnostic_msgs/msg/DiagnosticStatus")
_KeyValue: Any = message_class("diagnostic_msgs/msg/KeyValue")


class DiagnosticStatusWrapper(_DiagnosticStatus):  # type: ignore[misc]  # made when it runs
    """A DiagnosticStatus, with methods to set its summary and to add values."""

    level: bytes
    name: str
    message: str
    hardware_id: str
    values: list[Any]

    def summary(self, *args: Any) -> None:
        """Set level and message, or take both from another status.

        Raises:
            TypeError: neither one argument nor two.

        """
        self.level, self.message = _level_and_message("summary", args)

    def clearSummary(self) -> None:
        """The level OK, without a message."""
        self.summary(_DiagnosticStatus.OK, "")

    def mergeSummary(self, *args: Any) -> None:
        """Add another summary, given as to summary(); the worse level counts.

        If both are OK, or neither is, the messages are joined by "; ". Otherwise the message of
        the one that is not OK is kept.
        """
        level, message = _level_and_message("mergeSummary", args)
        ok = _DiagnosticStatus.OK
        if (level > ok) == (self.level > ok):
            self.message = f"{self.message}; {message}" if self.message else message
        elif level > self.level:
            self.message = message
        self.level = max(level, self.level)

    def add(self, key: str, val: str) -> None:
        """Add a value, which is a text."""
        self.values.append(_KeyValue(key=key, value=val))


def _level_and_message(method: str, args: tuple[Any, ...]) -> tuple[bytes, str]:
    if len(args) == 1:
        return args[0].level, args[0].message
    if len(args) == 2:
        return args[0], str(args[1])
    raise TypeError(f"{method}() takes a status, or a level and a message: {len(args)} were given")
