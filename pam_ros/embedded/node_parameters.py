# SPDX-License-Identifier: Apache-2.0
"""The parameters of a node: declaring, reading, setting, and who is asked and told."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from .exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from .messages import message_class
from .names import qualified, validate_parameter_name
from .parameter import PARAMETER_SEPARATOR_STRING, Parameter, ParameterMsg, ParameterValue
from .parameter_ranges import check_descriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock

ParameterDescriptor: Any = message_class("rcl_interfaces/msg/ParameterDescriptor")
ParameterEvent: Any = message_class("rcl_interfaces/msg/ParameterEvent")
SetParametersResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")
ListParametersResult: Any = message_class("rcl_interfaces/msg/ListParametersResult")


class NodeParameters:
    """The part of Node that keeps its parameters."""

    _allow_undeclared_parameters: bool
    _parameter_overrides: dict[str, Parameter]
    _parameter_event_publisher: Any
    _clock: Clock
    get_name: Callable[[], str]
    get_namespace: Callable[[], str]

    def _init_parameters(self, *, allow_undeclared: bool) -> None:
        self._allow_undeclared_parameters = allow_undeclared
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, Any] = {}
        self._pre_set_parameters_callbacks: list[Callable[..., Any]] = []
        self._on_set_parameters_callbacks: list[Callable[..., Any]] = []
        self._post_set_parameters_callbacks: list[Callable[..., Any]] = []

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: Any = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare a parameter by its default value, or by its type (a Parameter.Type).

        Raises:
            ParameterAlreadyDeclaredException, InvalidParameterException,
            InvalidParameterTypeException, InvalidParameterValueException

        """
        entry: tuple[Any, ...] = (name,)
        if value is not None or descriptor is not None:
            entry = (name, value, ParameterDescriptor() if descriptor is None else descriptor)
        return self.declare_parameters("", [entry], ignore_override)[0]

    def declare_parameters(
        self, namespace: str, parameters: list[Any], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare several: (name), (name, value or type) or (name, value or type, descriptor)."""
        declared: list[Parameter] = []
        descriptors = {}
        for index, entry in enumerate(parameters):
            if not 1 <= len(entry) <= 3:
                raise TypeError(
                    f"Invalid parameter tuple length at index {index} in parameters list: "
                    f"{entry}; expecting length between 1 and 3"
                )
            name = entry[0]
            if not isinstance(name, str):
                raise TypeError(
                    f"First element {name} at index {index} in parameters list is not a str."
                )
            if namespace:
                name = f"{namespace}.{name}"
            validate_parameter_name(name)
            descriptor = entry[2] if len(entry) > 2 else ParameterDescriptor()
            if not isinstance(descriptor, ParameterDescriptor):
                raise TypeError(
                    f"Third element {descriptor} at index {index} in parameters list is not a "
                    "ParameterDescriptor."
                )
            value = self._default(name, entry, descriptor)
            if not ignore_override and name in self._parameter_overrides:
                value = self._parameter_overrides[name].value
            declared.append(Parameter(name, value=value))
            descriptors[name] = descriptor
        again = [p.name for p in declared if p.name in self._parameters]
        if again:
            raise ParameterAlreadyDeclaredException(again)
        for parameter in declared:
            result = self._set_common([parameter], descriptors, declaring=True)
            if not result.successful:
                if result.reason.startswith("Wrong parameter type"):
                    expected = Parameter.Type(descriptors[parameter.name].type).name
                    raise InvalidParameterTypeException(parameter, expected)
                raise InvalidParameterValueException(parameter.name, parameter.value, result.reason)
        return [self._parameters[p.name] for p in declared]

    @staticmethod
    def _default(name: str, entry: tuple[Any, ...], descriptor: Any) -> Any:
        """The default value of an entry; writes the static type into its descriptor."""
        second = entry[1] if len(entry) > 1 else None
        if len(entry) == 1:
            warnings.warn(
                f"when declaring parameter named '{name}', declaring a parameter only providing "
                "its name is deprecated. You have to either:\n"
                '\t- Pass a name and a default value different to "PARAMETER NOT SET"'
                " (and optionally a descriptor).\n"
                "\t- Pass a name and a parameter type.\n"
                "\t- Pass a name and a descriptor with `dynamic_typing=True",
                stacklevel=4,
            )
            descriptor.dynamic_typing = True
        if isinstance(second, Parameter.Type):
            if second == Parameter.Type.NOT_SET:
                raise ValueError(
                    f"Cannot declare parameter {{{name}}} as statically typed of type NOT_SET"
                )
            if descriptor.dynamic_typing:
                raise ValueError(
                    f"When declaring parameter {{{name}}} passing a descriptor with"
                    "`dynamic_typing=True` is not allowed when the parameter type is provided"
                )
            descriptor.type = second.value
            return None
        if not descriptor.dynamic_typing:
            if isinstance(second, ParameterValue):
                descriptor.type = second.type
            else:
                descriptor.type = Parameter.Type.from_parameter_value(second).value
            if descriptor.type == 0:
                raise ValueError(
                    "Cannot declare a statically typed parameter with default value of type "
                    "PARAMETER_NOT_SET"
                )
        return second

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter."""
        if name not in self._parameters:
            raise ParameterNotDeclaredException(name)
        if self._descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del self._parameters[name]
        del self._descriptors[name]

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

    def add_pre_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Let a callback change the list of parameters before it is checked."""
        self._pre_set_parameters_callbacks.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Ask a callback, which returns a SetParametersResult, before parameters are set."""
        self._on_set_parameters_callbacks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Tell a callback which parameters were set."""
        self._post_set_parameters_callbacks.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_pre_set_parameters_callback()."""
        self._pre_set_parameters_callbacks.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_on_set_parameters_callback()."""
        self._on_set_parameters_callbacks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_post_set_parameters_callback()."""
        self._post_set_parameters_callbacks.remove(callback)
