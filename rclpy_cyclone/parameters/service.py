# SPDX-License-Identifier: Apache-2.0
"""The six services by which others list, read and set a node's parameters."""

from __future__ import annotations

import weakref
from typing import Any

from rclpy_cyclone.errors.exceptions import (
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy_cyclone.qos.profile import qos_profile_parameters
from rclpy_cyclone.types.messages import message_class, service_class

from .parameter import Parameter

_ListParametersResult: Any = message_class("rcl_interfaces/msg/ListParametersResult")
_SetParametersResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")


class ParameterService:
    """Serves a node's parameters."""

    def __init__(self, node: Any) -> None:
        self._node = weakref.ref(node)
        services = {
            "DescribeParameters": ("describe_parameters", self._describe),
            "GetParameters": ("get_parameters", self._get),
            "GetParameterTypes": ("get_parameter_types", self._get_types),
            "ListParameters": ("list_parameters", self._list),
            "SetParameters": ("set_parameters", self._set),
            "SetParametersAtomically": ("set_parameters_atomically", self._set_atomically),
        }
        for name, (path, callback) in services.items():
            node.create_service(
                service_class(f"rcl_interfaces/srv/{name}"),
                f"{node.get_name()}/{path}",
                callback,
                qos_profile=qos_profile_parameters,
            )

    def _target(self) -> Any:
        node = self._node()
        if node is None:
            raise ReferenceError("Expected valid node weak reference")
        return node

    def _describe(self, request: Any, response: Any) -> Any:
        try:
            response.descriptors = self._target().describe_parameters(request.names)
        except ParameterNotDeclaredException:
            response.descriptors = []
        return response

    def _get(self, request: Any, response: Any) -> Any:
        try:
            parameters = self._target().get_parameters(request.names)
        except (ParameterNotDeclaredException, ParameterUninitializedException):
            parameters = []
        response.values = [p.get_parameter_value() for p in parameters]
        return response

    def _get_types(self, request: Any, response: Any) -> Any:
        try:
            types = self._target().get_parameter_types(request.names)
        except ParameterNotDeclaredException:
            types = []
        response.types = [t.value if isinstance(t, Parameter.Type) else t for t in types]
        return response

    def _list(self, request: Any, response: Any) -> Any:
        try:
            response.result = self._target().list_parameters(request.prefixes, request.depth)
        except (TypeError, ValueError):
            response.result = _ListParametersResult()
        return response

    def _set_all(self, parameters: list[Any]) -> Any:
        try:
            return self._target().set_parameters_atomically(
                [Parameter.from_parameter_msg(p) for p in parameters]
            )
        except ParameterNotDeclaredException as error:
            return _SetParametersResult(successful=False, reason=str(error))

    def _set(self, request: Any, response: Any) -> Any:
        response.results = [self._set_all([p]) for p in request.parameters]
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        response.result = self._set_all(request.parameters)
        return response
