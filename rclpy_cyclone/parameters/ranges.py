# SPDX-License-Identifier: Apache-2.0
"""What a ParameterDescriptor forbids: other types, read-only changes, values out of range."""

from __future__ import annotations

import math
from typing import Any

from .parameter import Parameter

REL_TOL = 1e-6
"""Relative tolerance in comparing floating-point values with the range and its steps."""


def check_descriptor(
    parameter: Parameter, descriptor: Any, *, declared: bool, check_read_only: bool
) -> str:
    """Why the descriptor refuses the parameter, or an empty string.

    With dynamic typing, the descriptor takes over the parameter's type.
    """
    type_ = parameter.type_
    if check_read_only and descriptor.read_only:
        return f"Trying to set a read-only parameter: {parameter.name}."
    if descriptor.dynamic_typing:
        descriptor.type = type_.value
    elif declared and type_ == Parameter.Type.NOT_SET:
        return "Static parameter cannot be undeclared"
    elif type_ != Parameter.Type.NOT_SET and type_.value != descriptor.type:
        expected = Parameter.Type(descriptor.type)
        return f"Wrong parameter type, expected '{expected}' got '{type_}'"
    if type_ == Parameter.Type.INTEGER and descriptor.integer_range:
        return _check_integer(parameter, descriptor.integer_range[0])
    if type_ == Parameter.Type.DOUBLE and descriptor.floating_point_range:
        return _check_double(parameter, descriptor.floating_point_range[0])
    return ""


def _check_integer(parameter: Parameter, limits: Any) -> str:
    low, high = sorted((limits.from_value, limits.to_value))
    value = parameter.value
    if value in (low, high):
        return ""
    if not low < value < high:
        return f"Parameter {parameter.name} out of range. Min: {low}, Max: {high}, value: {value}"
    if limits.step and (value - low) % limits.step:
        return (
            f"The parameter value for {parameter.name} is not a valid step. "
            f"Min: {low}, max: {high}, value: {value}, step: {limits.step}"
        )
    return ""


def _check_double(parameter: Parameter, limits: Any) -> str:
    low, high = sorted((limits.from_value, limits.to_value))
    value = parameter.value
    if any(math.isclose(value, edge, rel_tol=REL_TOL) for edge in (low, high)):
        return ""
    if not low < value < high:
        return f"Parameter {parameter.name} out of range Min: {low}, Max: {high}, value: {value}"
    if limits.step:
        nearest = low + round((value - low) / limits.step) * limits.step
        if not math.isclose(nearest, value, rel_tol=REL_TOL):
            return (
                f"The parameter value for {parameter.name} is not close enough to a valid step. "
                f"Min: {low}, max: {high}, value: {value}, step: {limits.step}"
            )
    return ""
