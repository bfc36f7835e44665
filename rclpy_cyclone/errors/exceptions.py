# SPDX-License-Identifier: Apache-2.0
"""rclpy.exceptions: what the API raises, with rclpy's wording."""

from __future__ import annotations

from typing import Any


class NotInitializedException(Exception):
    """rclpy.init() has not been called."""

    def __init__(self, message: str | None = None) -> None:
        text = "rclpy.init() has not been called."
        super().__init__(f"{text} msg:{message}" if message else text)


class NoTypeSupportImportedException(Exception):
    """The type is not a message or a service."""

    def __init__(self) -> None:
        super().__init__("no type_support imported")


class NameValidationException(Exception):
    """A name breaks the naming rules; invalid_index points at the place."""

    def __init__(self, name_type: str, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__(
            f"Invalid {name_type}: {error_msg}:\n  '{name}'\n   {' ' * invalid_index}^"
        )


class InvalidNamespaceException(NameValidationException):
    """A namespace breaks the naming rules."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("namespace", name, error_msg, invalid_index)


class InvalidNodeNameException(NameValidationException):
    """A node name breaks the naming rules."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("node name", name, error_msg, invalid_index)


class InvalidTopicNameException(NameValidationException):
    """A topic name breaks the naming rules."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("topic name", name, error_msg, invalid_index)


class InvalidServiceNameException(NameValidationException):
    """A service name breaks the naming rules."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("service name", name, error_msg, invalid_index)


class ParameterException(Exception):
    """Base of the parameter errors."""

    def __init__(self, error_msg: str, parameters: Any) -> None:
        super().__init__(f"{error_msg}: {parameters}")


class ParameterNotDeclaredException(ParameterException):
    """The parameter has not been declared."""

    def __init__(self, parameters: Any) -> None:
        super().__init__("Invalid access to undeclared parameter(s)", parameters)


class ParameterAlreadyDeclaredException(ParameterException):
    """The parameter was declared before."""

    def __init__(self, parameters: Any) -> None:
        super().__init__("Parameter(s) already declared", parameters)


class InvalidParameterException(ParameterException):
    """The parameter's name is empty."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__("Invalid parameter name", parameter_name)


class InvalidParameterTypeException(ParameterException):
    """The value has another type than the parameter was declared with."""

    def __init__(self, desired_parameter: Any, expected_type: str) -> None:
        super().__init__(
            f"Trying to set parameter '{desired_parameter.name}' to '{desired_parameter.value}' "
            f"of type '{desired_parameter.type_.name}', expecting type '{expected_type}'",
            desired_parameter.name,
        )


class InvalidParameterValueException(ParameterException):
    """A descriptor or a callback rejects the value."""

    def __init__(self, parameter: str, value: Any, reason: str) -> None:
        super().__init__(
            f"Invalid parameter value ({value}) for parameter. Reason: {reason}", parameter
        )


class ParameterImmutableException(ParameterException):
    """The parameter is read-only."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__("Attempted to modify read-only parameter", parameter_name)


class ParameterUninitializedException(ParameterException):
    """The parameter was declared with a type alone and has no value yet."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__(f"The parameter '{parameter_name}' is not initialized", parameter_name)


class ROSInterruptException(Exception):
    """Shut down while a rate slept."""

    def __init__(self) -> None:
        super().__init__("rclpy.shutdown() has been called")
