# SPDX-License-Identifier: Apache-2.0
"""rclpy.parameter: a parameter's name, type and value."""

from __future__ import annotations

import array
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from rclpy_cyclone.arguments.ros_args import load_params_file
from rclpy_cyclone.types.messages import message_class

PARAMETER_SEPARATOR_STRING = "."
ParameterMsg: Any = message_class("rcl_interfaces/msg/Parameter")
ParameterType: Any = message_class("rcl_interfaces/msg/ParameterType")
ParameterValue: Any = message_class("rcl_interfaces/msg/ParameterValue")
_LISTS = (list, tuple, array.array)


class Parameter:
    """A parameter; the type is inferred where only a value is given.

    Raises:
        TypeError: the value is of no parameter type.
        ValueError: type and value do not agree.

    """

    class Type(Enum):
        """The types of parameters."""

        NOT_SET = 0
        BOOL = 1
        INTEGER = 2
        DOUBLE = 3
        STRING = 4
        BYTE_ARRAY = 5
        BOOL_ARRAY = 6
        INTEGER_ARRAY = 7
        DOUBLE_ARRAY = 8
        STRING_ARRAY = 9

        @classmethod
        def from_parameter_value(cls, parameter_value: Any) -> Parameter.Type:
            """The type of a value; an empty list is a BYTE_ARRAY."""
            if parameter_value is None:
                return cls.NOT_SET
            for number in (1, 2, 3, 4):
                if isinstance(parameter_value, _PYTHON[number]):
                    return cls(number)
            if isinstance(parameter_value, _LISTS):
                for number in _ARRAYS:
                    if all(isinstance(v, _PYTHON[number]) for v in parameter_value):
                        return cls(number)
                raise TypeError(
                    f"The given value is not a list of one of the allowed types "
                    f"'{parameter_value}'."
                )
            raise TypeError(f"The given value is not one of the allowed types '{parameter_value}'.")

        def check(self, parameter_value: Any) -> bool:
            """Whether a value is of this type."""
            if self.value == 0:
                return parameter_value is None
            expected = _PYTHON[self.value]
            if self.value < 5:
                return isinstance(parameter_value, expected)
            allowed = _LISTS if self.value in (7, 8) else (list, tuple)
            return isinstance(parameter_value, allowed) and all(
                isinstance(v, expected) and (not isinstance(v, bytes) or len(v) == 1)
                for v in parameter_value
            )

    def __init__(self, name: str, type_: Any = None, value: Any = None) -> None:
        if type_ is None:
            type_ = Parameter.Type.from_parameter_value(value)
        if not isinstance(type_, Parameter.Type):
            raise TypeError(f"type must be an instance of '{Parameter.Type!r}'")
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        self._type_ = type_
        self._name = name
        self._value = value

    @classmethod
    def from_parameter_msg(cls, param_msg: Any) -> Parameter:
        """The parameter of a rcl_interfaces.msg.Parameter."""
        type_ = Parameter.Type(param_msg.value.type)
        field = _FIELDS.get(type_.value)
        return cls(param_msg.name, type_, getattr(param_msg.value, field) if field else None)

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def type_(self) -> Parameter.Type:
        """The type."""
        return self._type_

    @property
    def value(self) -> Any:
        """The value; None where it is not set."""
        return self._value

    def get_parameter_value(self) -> Any:
        """The value as rcl_interfaces.msg.ParameterValue."""
        message = ParameterValue(type=self._type_.value)
        field = _FIELDS.get(self._type_.value)
        if field:
            value = self._value
            setattr(message, field, list(value) if isinstance(value, tuple) else value)
        return message

    def to_parameter_msg(self) -> Any:
        """This parameter as rcl_interfaces.msg.Parameter."""
        return ParameterMsg(name=self.name, value=self.get_parameter_value())


# bool is an int for Python: the order of the numbers tells them apart.
_PYTHON: dict[int, type] = {
    1: bool, 2: int, 3: float, 4: str, 5: bytes, 6: bool, 7: int, 8: float, 9: str,
}  # fmt: skip
_ARRAYS = (5, 6, 7, 8, 9)
_FIELDS = {
    1: "bool_value", 2: "integer_value", 3: "double_value", 4: "string_value",
    5: "byte_array_value", 6: "bool_array_value", 7: "integer_array_value",
    8: "double_array_value", 9: "string_array_value",
}  # fmt: skip


def get_parameter_value(string_value: str) -> Any:
    """The ParameterValue that YAML reads in a text; what fits no other type is a string."""
    try:
        value = yaml.safe_load(string_value)
    except yaml.YAMLError:
        value = string_value
    try:
        parameter = Parameter("", value=string_value if value is None else value)
    except TypeError:
        parameter = Parameter("", value=string_value)
    return parameter.get_parameter_value()


def parameter_value_to_python(parameter_value: Any) -> Any:
    """The Python value of a ParameterValue."""
    if parameter_value.type == 0:
        return None
    if parameter_value.type not in _FIELDS:
        raise RuntimeError(f"unexpected parameter type {parameter_value.type}")
    value = getattr(parameter_value, _FIELDS[parameter_value.type])
    return list(value) if parameter_value.type in _ARRAYS else value


def parameter_dict_from_yaml_file(
    parameter_file: str,
    use_wildcard: bool = False,
    target_nodes: list[str] | None = None,
    namespace: str = "",
) -> dict[str, Any]:
    """The parameters in a YAML file as {name: rcl_interfaces.msg.Parameter}.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: the file has no parameters for these nodes.

    """
    Path(parameter_file).stat()  # FileNotFoundError rather than RCLError
    entries = load_params_file(parameter_file)
    patterns = [pattern for pattern, _ in entries]
    for node in target_nodes or []:
        if "/" + node.lstrip("/") not in patterns:
            raise RuntimeError(
                f"Param file does not contain parameters for {node},only for nodes: {patterns} "
            )
    wanted = {"/" + n.lstrip("/") for n in target_nodes or patterns} - {"/**"}
    if use_wildcard:
        wanted.add("/**")
    found = {}
    for pattern, values in entries:
        if pattern in wanted:
            for name, value in values.items():
                full = namespace + name
                found[full] = Parameter(full, value=value).to_parameter_msg()
    if not found:
        raise RuntimeError("Param file does not contain selected parameters")
    return found
