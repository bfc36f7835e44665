# SPDX-License-Identifier: Apache-2.0
"""The parameters of a node: reading, setting, listing and describing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy_cyclone.arguments.names import qualified
from rclpy_cyclone.errors.exceptions import (
    InvalidParameterValueException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy_cyclone.types.messages import message_class

from .callbacks import ParameterCallbacks
from .parameter import PARAMETER_SEPARATOR_STRING, Parameter, ParameterMsg
from .ranges import check_descriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.time.clock import ROSClock

ParameterDescriptor: Any = message_class("rcl_interfaces/msg/ParameterDescriptor")
ParameterEvent: Any = message_class("rcl_interfaces/msg/ParameterEvent")
SetParametersResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")
ListParametersResult: Any = message_class("rcl_interfaces/msg/ListParametersResult")


class NodeParameters(ParameterCallbacks):
    """The part of Node that keeps its parameters: reading, setting, listing, describing."""

    _allow_undeclared_parameters: bool
    _parameter_overrides: dict[str, Parameter]
    _parameter_event_publisher: Any
    _clock: ROSClock
    get_name: Callable[[], str]
    get_namespace: Callable[[], str]

    def _init_parameters(self, *, allow_undeclared: bool) -> None:
        self._allow_undeclared_parameters = allow_undeclared
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, Any] = {}
        self._init_callbacks()

    def has_parameter(self, name: str) -> bool:
        """Whether a parameter is declared."""
        return name in self._parameters

    def get_parameter_type(self, name: str) -> Any:
        """The number of a parameter's type."""
        if name in self._parameters:
            return self._parameters[name].type_.value
        if self._allow_undeclared_parameters:
            return Parameter.Type.NOT_SET
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: list[str]) -> list[Any]:
        """The numbers of parameters' types."""
        if not all(isinstance(name, str) for name in names):
            raise TypeError("All names must be instances of type str")
        return [self.get_parameter_type(name) for name in names]

    def get_parameter(self, name: str) -> Parameter:
        """A parameter.

        Raises:
            ParameterNotDeclaredException: it is not declared, and undeclared ones are not allowed.
            ParameterUninitializedException: it has a type, but no value yet.

        """
        if name in self._parameters:
            parameter = self._parameters[name]
            if parameter.value is None and not self._descriptors[name].dynamic_typing:
                raise ParameterUninitializedException(name)
            return parameter
        if self._allow_undeclared_parameters:
            return Parameter(name, Parameter.Type.NOT_SET, None)
        raise ParameterNotDeclaredException(name)

    def get_parameters(self, names: list[str]) -> list[Parameter]:
        """Several parameters."""
        if not all(isinstance(name, str) for name in names):
            raise TypeError("All names must be instances of type str")
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """A parameter, or the alternative where it is not declared or not set."""
        if name in self._parameters and self._parameters[name].value is not None:
            return self._parameters[name]
        if alternative_value is None:
            return Parameter(name, Parameter.Type.NOT_SET)
        return alternative_value

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Parameters below a prefix, by the rest of their names."""
        if prefix:
            prefix += PARAMETER_SEPARATOR_STRING
        return {n[len(prefix) :]: p for n, p in self._parameters.items() if n.startswith(prefix)}

    def set_parameters(self, parameter_list: list[Parameter]) -> list[Any]:
        """Set parameters one by one; a SetParametersResult for each."""
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> Any:
        """Set all or none; one SetParametersResult.

        Raises:
            ParameterNotDeclaredException: one is not declared, and undeclared are not allowed.

        """
        if self._pre_set_parameters_callbacks:
            modified: list[Parameter] = []
            for callback in self._pre_set_parameters_callbacks:
                modified.extend(callback(parameter_list))
            parameter_list = modified
            if not parameter_list:
                return SetParametersResult(
                    successful=False,
                    reason="parameter list cannot be empty, this might be due to "
                    "pre_set_parameters_callback modifying the original parameters list.",
                )
        if not all(isinstance(p, Parameter) for p in parameter_list):
            raise TypeError(f"parameter must be instance of type '{Parameter!r}'")
        undeclared = [p.name for p in parameter_list if p.name not in self._parameters]
        if undeclared and not self._allow_undeclared_parameters:
            raise ParameterNotDeclaredException(undeclared)
        return self._set_common(parameter_list, self._descriptors, declaring=False)

    def _set_common(
        self, parameters: list[Parameter], descriptors: dict[str, Any], *, declaring: bool
    ) -> Any:
        for parameter in parameters:
            descriptor = descriptors.get(parameter.name)
            if descriptor is not None:
                descriptor.name = parameter.name
                reason = check_descriptor(
                    parameter,
                    descriptor,
                    declared=parameter.name in self._parameters,
                    check_read_only=not declaring,
                )
                if reason:
                    return SetParametersResult(successful=False, reason=reason)
        for callback in self._on_set_parameters_callbacks:
            result = callback(parameters)
            if not result.successful:
                return result
        event = ParameterEvent(node=qualified(self.get_namespace(), self.get_name()))
        for parameter in parameters:
            name = parameter.name
            message = parameter.to_parameter_msg()
            if not declaring and parameter.type_ == Parameter.Type.NOT_SET:
                event.deleted_parameters.append(message)
                self._parameters.pop(name, None)
                self._descriptors.pop(name, None)
                continue
            if declaring:
                self._descriptors[name] = descriptors[name]
            elif name not in self._descriptors:
                self._descriptors[name] = ParameterDescriptor(dynamic_typing=True)
            known = name in self._parameters and self._parameters[name].value is not None
            (event.changed_parameters if known else event.new_parameters).append(message)
            self._parameters[name] = parameter
        event.stamp = self._clock.now().to_msg()
        self._parameter_event_publisher.publish(event)
        for callback in self._post_set_parameters_callbacks:
            callback(parameters)
        return SetParametersResult(successful=True)

    def list_parameters(self, prefixes: list[str], depth: int) -> Any:
        """Names and prefixes of parameters below the prefixes, to a depth (0: any)."""
        if not isinstance(prefixes, list):
            raise TypeError("The prefixes argument must be a list")
        if not all(isinstance(prefix, str) for prefix in prefixes):
            raise TypeError("All prefixes must be instances of type str")
        if not isinstance(depth, int):
            raise TypeError("The depth must be instance of type int")
        if depth < 0:
            raise ValueError("The depth must be greater than or equal to zero")

        def within(rest: str) -> bool:
            return depth == 0 or rest.count(PARAMETER_SEPARATOR_STRING) < depth

        result = ListParametersResult()
        for name in self._parameters:
            listed = any(
                name == prefix
                or (name.startswith(f"{prefix}.") and within(name[len(prefix) + 1 :]))
                for prefix in prefixes
            )
            if not listed and (prefixes or not within(name)):
                continue
            result.names.append(name)
            parent, separator, _ = name.rpartition(PARAMETER_SEPARATOR_STRING)
            if separator and parent not in result.prefixes:
                result.prefixes.append(parent)
        return result

    def describe_parameter(self, name: str) -> Any:
        """The descriptor of a parameter."""
        if name in self._descriptors:
            return self._descriptors[name]
        if self._allow_undeclared_parameters:
            return ParameterDescriptor()
        raise ParameterNotDeclaredException(name)

    def describe_parameters(self, names: list[str]) -> list[Any]:
        """The descriptors of several parameters."""
        return [self.describe_parameter(name) for name in names]

    def set_descriptor(self, name: str, descriptor: Any, alternative_value: Any = None) -> Any:
        """Give a parameter another descriptor; the value that fits it is returned."""
        if name not in self._parameters:
            if not self._allow_undeclared_parameters:
                raise ParameterNotDeclaredException(name)
            return self.get_parameter(name).get_parameter_value()
        if self._descriptors[name].read_only:
            raise ParameterImmutableException(name)
        parameter = self.get_parameter(name)
        descriptor.name = name
        reason = check_descriptor(parameter, descriptor, declared=True, check_read_only=False)
        if reason and alternative_value is not None:
            parameter = Parameter.from_parameter_msg(
                ParameterMsg(name=name, value=alternative_value)
            )
            reason = check_descriptor(parameter, descriptor, declared=True, check_read_only=False)
        if reason:
            raise InvalidParameterValueException(name, parameter.value, reason)
        self._parameters[name] = parameter
        self._descriptors[name] = descriptor
        return parameter.get_parameter_value()
