# SPDX-License-Identifier: Apache-2.0
"""rclpy.node: the node, from which everything else is made."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.arguments.ros_args import Arguments
from rclpy_cyclone.errors.exceptions import NotInitializedException
from rclpy_cyclone.errors.middleware import (
    NodeNameNonExistentError,
    RCLError,
    RCLInvalidROSArgsError,
)
from rclpy_cyclone.graph.questions import NodeGraph
from rclpy_cyclone.logging import loggers
from rclpy_cyclone.parameters.declarations import ParameterDeclarations
from rclpy_cyclone.parameters.of_node import ParameterDescriptor
from rclpy_cyclone.parameters.parameter import Parameter
from rclpy_cyclone.parameters.ranges import REL_TOL
from rclpy_cyclone.parameters.service import ParameterService
from rclpy_cyclone.process.utilities import get_default_context
from rclpy_cyclone.qos.profile import qos_profile_parameter_events, qos_profile_rosout_default
from rclpy_cyclone.time.clock import ROSClock
from rclpy_cyclone.time.duration import S_TO_NS
from rclpy_cyclone.types.messages import message_class

from .entities import EntityOwner
from .logging_service import LoggingService
from .time_source import TimeSource

if TYPE_CHECKING:
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context

__all__ = ["Node", "NodeNameNonExistentError"]

HIDDEN_NODE_PREFIX = "_"


class Node(ParameterDeclarations, NodeGraph, EntityOwner):
    """A node of the graph.

    Raises:
        NotInitializedException: rclpy.init() has not been called.
        InvalidNodeNameException, InvalidNamespaceException

    """

    PARAM_REL_TOL = REL_TOL

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        self._context = get_default_context() if context is None else context
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        self._graph = self._context.graph
        self._init_entities()
        self._executor_reference: weakref.ref[Any] | None = None
        self._destroyed = False
        self._init_parameters(allow_undeclared=allow_undeclared_parameters)

        try:
            local = Arguments.parse(cli_args, all_ros=True)
        except RCLError as error:
            raise RCLInvalidROSArgsError(f"Failed to parse ROS arguments: {error}") from error
        sources = [local, self._context.arguments] if use_global_arguments else [local]
        self._rules = [rule for source in sources for rule in source.remaps]
        self._init_name(node_name, namespace or "")
        self._entities_info = self._graph.add_node(self._namespace, self._name)
        self._logger = loggers.get_logger(self._logger_name())
        if enable_rosout and all(s.switches.get("rosout", True) for s in sources):
            self._start_rosout()

        self._parameter_event_publisher = self.create_publisher(
            message_class("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            qos_profile_parameter_events,
        )
        self._parameter_overrides = {}
        for source in reversed(sources):
            values = source.parameters_for(self.get_fully_qualified_name())
            self._parameter_overrides |= {n: Parameter(n, value=v) for n, v in values.items()}
        for override in parameter_overrides or []:
            self._parameter_overrides[override.name] = override
        self._clock = ROSClock()
        if automatically_declare_parameters_from_overrides:
            self.declare_parameters(
                "",
                [
                    (name, parameter.value, ParameterDescriptor())
                    for name, parameter in self._parameter_overrides.items()
                ],
                ignore_override=True,
            )
        self._time_source = TimeSource(node=self)
        self._time_source.attach_clock(self._clock)
        if start_parameter_services:
            self._parameter_service = ParameterService(self)
        if enable_logger_service:
            self._logger_service = LoggingService(self)

    def _start_rosout(self) -> None:
        log_class = message_class("rcl_interfaces/msg/Log")
        publisher = self._create_unlisted_publisher(
            log_class, "/rosout", qos_profile_rosout_default
        )
        context = self._context

        def publish(
            severity: int, name: str, text: str, where: tuple[str, str, int], stamp: int
        ) -> None:
            if publisher._destroyed or not context.ok():
                return
            message = log_class(level=severity, name=name, msg=text)
            message.function, message.file, message.line = where
            message.stamp.sec, message.stamp.nanosec = divmod(stamp, S_TO_NS)
            publisher.publish(message)

        loggers.add_rosout(self._logger.name, publish)

    @property
    def executor(self) -> Any:
        """The executor that the node was added to last, or None."""
        return None if self._executor_reference is None else self._executor_reference()

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        self._executor_reference = None if new_executor is None else weakref.ref(new_executor)
        if new_executor is not None:
            new_executor.add_node(self)

    def _wake_executor(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()

    @property
    def context(self) -> Context:
        """The context."""
        return self._context

    @property
    def default_callback_group(self) -> CallbackGroup:
        """The group of entities that were given none: one callback at a time."""
        return self._default_callback_group

    def get_clock(self) -> ROSClock:
        """The node's clock: ROS time."""
        return self._clock

    def get_logger(self) -> loggers.RcutilsLogger:
        """The node's logger."""
        return self._logger

    def destroy_node(self) -> None:
        """Remove the node and all that it has; a second call does nothing."""
        if self._destroyed:
            return
        self._destroyed = True
        loggers.remove_rosout(self._logger.name)
        self._graph.remove_node(self._entities_info)
        self._destroy_entities()
        self._wake_executor()
