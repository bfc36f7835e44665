# SPDX-License-Identifier: Apache-2.0
"""rclpy.logging_service: two services by which others read and set the levels of loggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy_cyclone.logging import loggers
from rclpy_cyclone.types.messages import message_class, service_class

if TYPE_CHECKING:
    from .entities import EntityOwner

_LoggerLevel: Any = message_class("rcl_interfaces/msg/LoggerLevel")
_SetLoggerLevelsResult: Any = message_class("rcl_interfaces/msg/SetLoggerLevelsResult")


class LoggingService:
    """Serves the levels of this process's loggers under a node's name."""

    def __init__(self, node: EntityOwner) -> None:
        for kind, path, callback in (
            ("GetLoggerLevels", "get_logger_levels", self._get_logger_levels),
            ("SetLoggerLevels", "set_logger_levels", self._set_logger_levels),
        ):
            srv_type = service_class(f"rcl_interfaces/srv/{kind}")
            node.create_service(srv_type, f"{node.get_name()}/{path}", callback)

    def _get_logger_levels(self, request: Any, response: Any) -> Any:
        response.levels = [
            _LoggerLevel(name=name, level=int(loggers.get_logger_level(name)))
            for name in request.names
        ]
        return response

    def _set_logger_levels(self, request: Any, response: Any) -> Any:
        for level in request.levels:
            result = _SetLoggerLevelsResult(successful=False)
            try:
                loggers.set_logger_level(level.name, level.level, detailed_error=True)
                result.successful = True
            except ValueError:
                result.reason = "Failed reason: Invalid logger level."
            except RuntimeError as error:
                result.reason = str(error)
            response.results.append(result)
        return response
