# SPDX-License-Identifier: Apache-2.0
"""rclpy.parameter_event_handler: callbacks on changes of any node's parameters."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.qos.profile import QoSProfile, qos_profile_parameter_events
from rclpy_cyclone.types.messages import message_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rclpy_cyclone.entities.event_handler import SubscriptionEventCallbacks
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.node.node import Node
    from rclpy_cyclone.node.qos_overriding_options import QoSOverridingOptions


@dataclass(eq=False)
class ParameterCallbackHandle:
    """What a callback on one parameter is removed by."""

    parameter_name: str
    node_name: str
    callback: Callable[[Any], None]


@dataclass(eq=False)
class ParameterEventCallbackHandle:
    """What a callback on all events is removed by."""

    callback: Callable[[Any], None]


class ParameterEventHandler:
    """Listens to /parameter_events; callbacks run the newest first.

    Keep the handles: a callback is removed by its own.
    """

    class Callbacks:
        """The callbacks of one handler."""

        def __init__(self) -> None:
            self.parameter_callbacks: dict[tuple[str, str], list[ParameterCallbackHandle]] = (
                defaultdict(list)
            )
            self.event_callbacks: list[ParameterEventCallbackHandle] = []
            self.mutex = threading.RLock()

        def event_callback(self, event: Any) -> None:
            """Run the callbacks that an event concerns."""
            with self.mutex:
                for (name, node), handles in list(self.parameter_callbacks.items()):
                    parameter = ParameterEventHandler.get_parameter_from_event(event, name, node)
                    if parameter is not None:
                        for handle in list(handles):
                            handle.callback(parameter)
                for event_handle in list(self.event_callbacks):
                    event_handle.callback(event)

        def add_parameter_callback(
            self, parameter_name: str, node_name: str, callback: Callable[[Any], None]
        ) -> ParameterCallbackHandle:
            """Call back with the new value of one parameter of a node of this full name."""
            handle = ParameterCallbackHandle(parameter_name, node_name, callback)
            with self.mutex:
                self.parameter_callbacks[parameter_name, node_name].insert(0, handle)
            return handle

        def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
            """Call back no more."""
            key = (handle.parameter_name, handle.node_name)
            with self.mutex:
                if handle not in self.parameter_callbacks.get(key, ()):
                    raise RuntimeError("Callback doesn't exist")
                self.parameter_callbacks[key].remove(handle)
                if not self.parameter_callbacks[key]:
                    del self.parameter_callbacks[key]

        def add_parameter_event_callback(
            self, callback: Callable[[Any], None]
        ) -> ParameterEventCallbackHandle:
            """Call back with every event."""
            handle = ParameterEventCallbackHandle(callback)
            with self.mutex:
                self.event_callbacks.insert(0, handle)
            return handle

        def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
            """Call back no more."""
            with self.mutex:
                if handle not in self.event_callbacks:
                    raise RuntimeError("Callback doesn't exist")
                self.event_callbacks.remove(handle)

    def __init__(
        self,
        node: Node,
        qos_profile: QoSProfile = qos_profile_parameter_events,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
    ) -> None:
        self.node = node
        self.qos_profile = qos_profile
        self._callbacks = ParameterEventHandler.Callbacks()
        self.parameter_event_subscription = node.create_subscription(
            message_class("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            self._callbacks.event_callback,
            qos_profile,
            callback_group=callback_group,
            event_callbacks=event_callbacks,
            qos_overriding_options=qos_overriding_options,
            raw=raw,
        )

    def destroy(self) -> None:
        """Listen no more."""
        self.node.destroy_subscription(self.parameter_event_subscription)

    @staticmethod
    def get_parameter_from_event(event: Any, parameter_name: str, node_name: str) -> Any:
        """The new value of a parameter (rcl_interfaces/msg/Parameter), None where it has none."""
        if event.node != node_name:
            return None
        for parameter in ParameterEventHandler.get_parameters_from_event(event):
            if parameter.name == parameter_name:
                return parameter
        return None

    @staticmethod
    def get_parameters_from_event(event: Any) -> Iterable[Any]:
        """Every parameter that an event says is new or changed."""
        yield from chain(event.new_parameters, event.changed_parameters)

    def add_parameter_callback(
        self, parameter_name: str, node_name: str, callback: Callable[[Any], None]
    ) -> ParameterCallbackHandle:
        """Call back with the new value of one parameter; an empty node name is this node's."""
        return self._callbacks.add_parameter_callback(
            parameter_name, self._resolve_path(node_name), callback
        )

    def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
        """Take back add_parameter_callback()."""
        self._callbacks.remove_parameter_callback(handle)

    def add_parameter_event_callback(
        self, callback: Callable[[Any], None]
    ) -> ParameterEventCallbackHandle:
        """Call back with every event."""
        return self._callbacks.add_parameter_event_callback(callback)

    def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
        """Take back add_parameter_event_callback()."""
        self._callbacks.remove_parameter_event_callback(handle)

    def _resolve_path(self, node_path: str | None = None) -> str:
        if not node_path:
            return self.node.get_fully_qualified_name()
        if node_path.startswith("/"):
            return node_path
        namespace = self.node.get_namespace().strip("/")
        return f"/{namespace}/{node_path}" if namespace else f"/{node_path}"
