# SPDX-License-Identifier: Apache-2.0
"""rclpy.parameter_client: reads and sets the parameters of another node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.parameters.parameter import Parameter, parameter_dict_from_yaml_file
from rclpy_cyclone.qos.profile import (
    QoSProfile,
    qos_profile_parameter_events,
    qos_profile_services_default,
)
from rclpy_cyclone.types.messages import message_class, service_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rclpy_cyclone.entities.event_handler import SubscriptionEventCallbacks
    from rclpy_cyclone.entities.subscription import Subscription
    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.executors.task import Future
    from rclpy_cyclone.node.node import Node
    from rclpy_cyclone.node.qos_overriding_options import QoSOverridingOptions

__all__ = ["AsyncParameterClient"]


class AsyncParameterClient:
    """Calls the six parameter services of a node; every call returns a future."""

    def __init__(
        self,
        node: Node,
        remote_node_name: str,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        self.node = node
        self.remote_node_name = remote_node_name

        def client(name: str, path: str) -> Any:
            return node.create_client(
                service_class(f"rcl_interfaces/srv/{name}"),
                f"{remote_node_name}/{path}",
                qos_profile=qos_profile,
                callback_group=callback_group,
            )

        self._get = client("GetParameters", "get_parameters")
        self._get_types = client("GetParameterTypes", "get_parameter_types")
        self._describe = client("DescribeParameters", "describe_parameters")
        self._list = client("ListParameters", "list_parameters")
        self._set = client("SetParameters", "set_parameters")
        self._set_atomically = client("SetParametersAtomically", "set_parameters_atomically")
        self._clients = (
            self._get, self._get_types, self._describe, self._list, self._set,
            self._set_atomically,
        )  # fmt: skip

    def services_are_ready(self) -> bool:
        """Whether all six services are there."""
        return all(client.service_is_ready() for client in self._clients)

    def wait_for_services(self, timeout_sec: float | None = None) -> bool:
        """Wait until all six services are there; False after timeout_sec."""
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while not self.services_are_ready():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    @staticmethod
    def _call(client: Any, callback: Callable[[Future], Any] | None, **fields: Any) -> Future:
        future: Future = client.call_async(client.srv_type.Request(**fields))
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def list_parameters(
        self,
        prefixes: list[str] | None = None,
        depth: int | None = None,
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Names below the prefixes."""
        return self._call(self._list, callback, prefixes=prefixes or [], depth=depth or 0)

    def get_parameters(
        self, names: list[str], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Values."""
        return self._call(self._get, callback, names=names)

    def get_parameter_types(
        self, names: list[str], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Types."""
        return self._call(self._get_types, callback, names=names)

    def describe_parameters(
        self, names: list[str], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Descriptors."""
        return self._call(self._describe, callback, names=names)

    @staticmethod
    def _messages(parameters: Sequence[Any]) -> list[Any]:
        return [p.to_parameter_msg() if isinstance(p, Parameter) else p for p in parameters]

    def set_parameters(
        self, parameters: Sequence[Any], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Set parameters (Parameter or its message) one by one."""
        return self._call(self._set, callback, parameters=self._messages(parameters))

    def set_parameters_atomically(
        self, parameters: Sequence[Any], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Set all or none."""
        return self._call(self._set_atomically, callback, parameters=self._messages(parameters))

    def delete_parameters(
        self, names: list[str], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Unset parameters."""
        return self.set_parameters([Parameter(name) for name in names], callback)

    def load_parameter_file(
        self,
        parameter_file: str,
        use_wildcard: bool = False,
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Set what a YAML file says, for whatever node."""
        values = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters(list(values.values()), callback)

    def load_parameter_file_atomically(
        self,
        parameter_file: str,
        use_wildcard: bool = False,
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Set all or none of what a YAML file says."""
        values = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters_atomically(list(values.values()), callback)

    def on_parameter_event(
        self,
        callback: Callable[..., Any],
        qos_profile: QoSProfile = qos_profile_parameter_events,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
    ) -> Subscription:
        """Subscribe to /parameter_events."""
        return self.node.create_subscription(
            message_class("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            callback,
            qos_profile,
            callback_group=callback_group,
            event_callbacks=event_callbacks,
            qos_overriding_options=qos_overriding_options,
            raw=raw,
        )
