# SPDX-License-Identifier: Apache-2.0
"""rclpy.logging: levels by logger name, rclpy's line format on stderr, filters, and /rosout."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.time.clock import Clock

from .console import check_environment, write_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class LoggingSeverity(IntEnum):
    """How serious a message is."""

    UNSET = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


_FILTERS = ("throttle_duration_sec", "throttle_time_source_type", "skip_first", "once")


@dataclass
class _State:
    """Levels and outputs of the process: rcutils keeps the same for a whole process."""

    levels: dict[str, int] = field(default_factory=dict)
    default: int = LoggingSeverity.INFO
    stdout: bool = True
    rosout: dict[str, Callable[[int, str, str, tuple[str, str, int], int], None]] = field(
        default_factory=dict
    )


_state = _State()


def _ancestors(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def _effective(name: str) -> int:
    for ancestor in _ancestors(name):
        level = _state.levels.get(ancestor)
        if level:
            return level
    return _state.levels.get("", _state.default)


def configure(levels: list[tuple[str, str]], *, stdout: bool = True) -> None:
    """Apply --log-level values: (logger name or "", level name).

    Raises:
        RuntimeError: a level is unknown, or an RCUTILS_* variable has a value that is none.

    """
    check_environment()
    for name, level in levels:
        severity = get_logging_severity_from_string(level)
        if name:
            _state.levels[name] = severity
        else:
            _state.default = severity
    _state.stdout = stdout


def add_rosout(
    name: str, publish: Callable[[int, str, str, tuple[str, str, int], int], None]
) -> None:
    """Publish what the loggers of this name and below log."""
    _state.rosout[name] = publish


def remove_rosout(name: str) -> None:
    """Stop publishing for this logger."""
    _state.rosout.pop(name, None)


def emit(severity: int, name: str, message: str, where: tuple[str, str, int]) -> None:
    """Write one line, and publish it where the logger's node publishes."""
    stamp = time.time_ns()
    if _state.stdout:
        label = LoggingSeverity(severity).name
        write_line(severity, label, name, message, where, stamp)
    for ancestor in _ancestors(name):
        publish = _state.rosout.get(ancestor)
        if publish is not None:
            publish(severity, name, message, where, stamp)
            break


def _caller() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame


class _Filters:
    """The filters of one logging call in the source, and their memory."""

    def __init__(self, severity: int, name: str, options: dict[str, Any]) -> None:
        self.severity = severity
        self.name = name
        self.options = options
        self._last = 0
        self._skipped = False
        self._logged = False
        clock = options.get("throttle_time_source_type")
        if options.get("throttle_duration_sec") and clock is not None:
            if not isinstance(clock, Clock):
                raise ValueError(
                    f'Received throttle_time_source_type of "{clock}" is not a clock instance'
                )
            self._clock = clock
        else:
            self._clock = Clock()

    def check(self, severity: int, name: str, options: dict[str, Any]) -> None:
        if severity != self.severity:
            raise ValueError("Logger severity cannot be changed between calls.")
        if name != self.name:
            raise ValueError("Logger name cannot be changed between calls.")
        if {k for k, v in options.items() if v} != {k for k, v in self.options.items() if v}:
            raise ValueError("Requested logging filters cannot be changed between calls.")
        if options != self.options:
            raise ValueError("Logging filter parameters cannot be changed between calls.")

    def passes(self) -> bool:
        period = self.options.get("throttle_duration_sec")
        if period:
            now = self._clock.now().nanoseconds
            if now < self._last + period * 1e9:
                return False
            self._last = now
        if self.options.get("skip_first") and not self._skipped:
            self._skipped = True
            return False
        if self.options.get("once"):
            if self._logged:
                return False
            self._logged = True
        return True


class RcutilsLogger:
    """A named logger; get one by rclpy.logging.get_logger() or Node.get_logger()."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._filters: dict[tuple[str, int, int], _Filters] = {}

    def get_child(self, name: str) -> RcutilsLogger:
        """The logger of this one's name, a dot, and name."""
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return RcutilsLogger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: int) -> None:
        """Log messages of at least this severity."""
        set_logger_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        """The least severity that is logged."""
        return LoggingSeverity(_effective(self.name))

    def is_enabled_for(self, severity: int) -> bool:
        """Whether messages of this severity are logged."""
        return LoggingSeverity(severity) >= _effective(self.name)

    def log(self, message: str, severity: int, **kwargs: Any) -> bool:
        """Log unless the level or a filter forbids it.

        Filters: throttle_duration_sec (with throttle_time_source_type), skip_first, once.

        Returns:
            Whether the message was logged.

        """
        if severity < _effective(self.name):
            return False
        severity = LoggingSeverity(severity)
        name = kwargs.pop("name", self.name)
        for key in kwargs:
            if key not in _FILTERS:
                raise TypeError(
                    f'parameter "{key}" is not one of the recognized logging options '
                    f'"{list(_FILTERS)}"'
                )
        if kwargs.get("throttle_time_source_type") and not kwargs.get("throttle_duration_sec"):
            raise TypeError(
                'required parameter "throttle_duration_sec" not specified but is required for '
                'the the logging filter "throttle"'
            )
        frame = _caller()
        code = frame.f_code
        key_of_call = (code.co_filename, frame.f_lineno, frame.f_lasti)
        filters = self._filters.get(key_of_call)
        if filters is None:
            filters = self._filters[key_of_call] = _Filters(severity, name, kwargs)
        else:
            filters.check(severity, name, kwargs)
        if not filters.passes():
            return False
        emit(severity, name, str(message), (code.co_name, code.co_filename, frame.f_lineno))
        return True

    def debug(self, message: str, **kwargs: Any) -> bool:
        """Log with severity DEBUG."""
        return self.log(message, LoggingSeverity.DEBUG, **kwargs)

    def info(self, message: str, **kwargs: Any) -> bool:
        """Log with severity INFO."""
        return self.log(message, LoggingSeverity.INFO, **kwargs)

    def warning(self, message: str, **kwargs: Any) -> bool:
        """Log with severity WARN."""
        return self.log(message, LoggingSeverity.WARN, **kwargs)

    warn = warning

    def error(self, message: str, **kwargs: Any) -> bool:
        """Log with severity ERROR."""
        return self.log(message, LoggingSeverity.ERROR, **kwargs)

    def fatal(self, message: str, **kwargs: Any) -> bool:
        """Log with severity FATAL."""
        return self.log(message, LoggingSeverity.FATAL, **kwargs)


_root_logger = RcutilsLogger()


def get_logger(name: str) -> RcutilsLogger:
    """The logger of a name."""
    if not name:
        raise ValueError("Logger name must not be empty.")
    return _root_logger.get_child(name)


def initialize() -> None:
    """Start logging with default levels."""
    _state.levels.clear()
    _state.default = LoggingSeverity.INFO


def shutdown() -> None:
    """Forget all levels."""
    _state.levels.clear()


def clear_config() -> None:
    """Forget all levels and start again."""
    shutdown()
    initialize()


def set_logger_level(name: str, level: int, detailed_error: bool = False) -> bool:  # noqa: ARG001
    """Log messages of this logger and below from this severity on."""
    _state.levels[name] = LoggingSeverity(level)
    return True


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """The least severity that a logger logs."""
    return LoggingSeverity(_effective(name))


def get_logger_level(name: str) -> LoggingSeverity:
    """The level set for this very logger, UNSET where there is none."""
    return LoggingSeverity(_state.levels.get(name, 0))


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    """A severity by its name in any case.

    Raises:
        RuntimeError: there is no such severity.

    """
    try:
        return LoggingSeverity[log_severity.upper()]
    except KeyError:
        raise RuntimeError(
            f"Failed to get severity name: '{log_severity}' is not one of "
            f"{', '.join(level.name.lower() for level in LoggingSeverity)}"
        ) from None


def get_logging_directory() -> Path:
    """Where ROS 2 would write log files; this runtime writes none."""
    home = os.environ.get("ROS_HOME") or Path.home() / ".ros"
    return Path(os.environ.get("ROS_LOG_DIR") or Path(home) / "log")
