# SPDX-License-Identifier: Apache-2.0
"""Declaring a node's parameters, by a default value or by a type."""

from __future__ import annotations

import warnings
from typing import Any

from rclpy_cyclone.arguments.names import validate_parameter_name
from rclpy_cyclone.errors.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
)

from .of_node import NodeParameters, ParameterDescriptor
from .parameter import Parameter, ParameterValue


class ParameterDeclarations(NodeParameters):
    """The part of Node that declares parameters."""

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
