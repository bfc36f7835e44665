# SPDX-License-Identifier: Apache-2.0
"""What a message field accepts and how it stores it: the setters of the message classes.

Wrong values raise AssertionError with rosidl_python's wording. Numeric sequences are stored as
array.array, numeric arrays as numpy.ndarray. An array.array of the right type code is kept as it
is; bytes and NumPy arrays of the right dtype are moved as one block.
"""

from __future__ import annotations

import array
import math
from collections import UserList, UserString
from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np

from .cdr import ARRAY_CODES, DTYPES
from .interfaces import INTEGER_RANGES, FieldType

# The largest finite values; rosidl_python rounds them down, and refuses them.
FLOAT_LIMITS = {"float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308}
_PYTHON_TYPES: dict[str, type] = {
    "bool": bool, "byte": bytes, "string": str, "wstring": str, "float32": float, "float64": float,
    **dict.fromkeys(INTEGER_RANGES, int),
}  # fmt: skip

Setter = Callable[[Any], Any]


def default_value(field: FieldType, class_of: Callable[[str], type]) -> Any:
    """The value of a field that the constructor was not given."""
    if field.kind == "sequence":
        return array.array(ARRAY_CODES[field.base]) if field.base in ARRAY_CODES else []
    if field.kind == "array":
        if field.base in DTYPES:
            return np.zeros(field.size, DTYPES[field.base])
        single = FieldType(field.base, field.message)
        return [default_value(single, class_of) for _ in range(field.size)]
    if field.message:
        return class_of(field.base)()
    return b"\x00" if field.base == "byte" else _PYTHON_TYPES[field.base]()


def as_block(field: FieldType, value: Any) -> Any:
    """A numeric sequence as array.array, moved as one block where the value's buffer allows it."""
    code = ARRAY_CODES[field.base]
    if isinstance(value, array.array) and value.typecode == code:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype == DTYPES[field.base]:
        block = array.array(code)
        block.frombytes(np.ascontiguousarray(value).view(np.uint8).data)
        return block
    if code == "B" and isinstance(value, (bytes, bytearray, memoryview)):
        block = array.array("B")
        block.frombytes(value)
        return block
    return None


def convert(field: FieldType, value: Any) -> Any:
    """The value as the field stores it, unchecked."""
    if field.base not in DTYPES or field.kind == "single":
        return value
    if field.kind == "array":
        return np.array(value, DTYPES[field.base])
    block = as_block(field, value)
    return array.array(ARRAY_CODES[field.base], value) if block is None else block


def setter(name: str, field: FieldType, class_of: Callable[[str], type]) -> Setter:
    """A function that checks a value for a field and returns what is stored."""
    if field.kind != "single":
        return _nested_setter(name, field, class_of)
    if field.message:
        return _message_setter(name, field, class_of)
    if field.base in INTEGER_RANGES:
        return _integer_setter(name, field)
    if field.base in FLOAT_LIMITS:
        return _float_setter(name, field)
    return _text_setter(name, field)


def _message_setter(name: str, field: FieldType, class_of: Callable[[str], type]) -> Setter:
    expected = class_of(field.base)
    message = f"The '{name}' field must be a sub message of type '{expected.__name__}'"

    def check(value: Any) -> Any:
        if not isinstance(value, expected):
            raise AssertionError(message)
        return value

    return check


def _integer_setter(name: str, field: FieldType) -> Setter:
    low, high = INTEGER_RANGES[field.base]
    sign = "an integer" if low else "an unsigned integer"

    def check(value: Any) -> Any:
        if not isinstance(value, int):
            raise AssertionError(f"The '{name}' field must be of type 'int'")
        if not low <= value <= high:
            raise AssertionError(f"The '{name}' field must be {sign} in [{low}, {high}]")
        return value

    return check


def _float_setter(name: str, field: FieldType) -> Setter:
    limit = FLOAT_LIMITS[field.base]
    word = "float" if field.base == "float32" else "double"

    def check(value: Any) -> Any:
        if not isinstance(value, float):
            raise AssertionError(f"The '{name}' field must be of type 'float'")
        if abs(value) > limit and not math.isinf(value):
            raise AssertionError(f"The '{name}' field must be a {word} in [{-limit}, {limit}]")
        return value

    return check


def _text_setter(name: str, field: FieldType) -> Setter:
    expected = _PYTHON_TYPES[field.base]
    bound = field.string_bound

    def check(value: Any) -> Any:
        if field.base == "byte":
            if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
                raise AssertionError(
                    f"The '{name}' field must be of type 'bytes' or 'ByteString' with length 1"
                )
        elif bound:
            if not isinstance(value, (str, UserString)) or len(value) > bound:
                raise AssertionError(
                    f"The '{name}' field must be string value not longer than {bound}"
                )
        elif not isinstance(value, expected):
            raise AssertionError(f"The '{name}' field must be of type '{expected.__name__}'")
        return value

    return check


def _in_range(field: FieldType, value: Any) -> bool:
    if field.base in INTEGER_RANGES:
        low, high = INTEGER_RANGES[field.base]
        return bool(low <= value <= high)
    if field.base in FLOAT_LIMITS:
        return abs(value) <= FLOAT_LIMITS[field.base] or not math.isfinite(value)
    return not field.string_bound or len(value) <= field.string_bound


def _nested_setter(name: str, field: FieldType, class_of: Callable[[str], type]) -> Setter:
    expected = class_of(field.base) if field.message else _PYTHON_TYPES[field.base]
    words = ["a set or sequence"]
    if field.size:
        words.append(f"with length {'<= ' if field.kind == 'sequence' else ''}{field.size}")
    if field.string_bound:
        words.append(f"and each string value not longer than {field.string_bound}")
    words.append(f"and each value of type '{expected.__name__}'")
    if field.base in INTEGER_RANGES:
        low, high = INTEGER_RANGES[field.base]
        words.append(f"and each {'integer' if low else 'unsigned integer'} in [{low}, {high}]")
    elif field.base in FLOAT_LIMITS:
        limit = FLOAT_LIMITS[field.base]
        words.append(
            f"and each {'float' if field.base == 'float32' else 'double'} in "
            f"[{-limit:f}, {limit:f}]"
        )
    message = f"The '{name}' field must be {' '.join(words)}"

    def length_fits(value: Any) -> bool:
        if field.kind == "array":
            return len(value) == field.size
        return not field.size or len(value) <= field.size

    def check_array(value: np.ndarray[Any, Any]) -> Any:
        dtype = DTYPES[field.base]
        if value.dtype != dtype:
            raise AssertionError(
                f"The '{name}' numpy.ndarray() must have the dtype of 'numpy.{dtype.name}'"
            )
        if value.size != field.size:
            raise AssertionError(f"The '{name}' numpy.ndarray() must have a size of {field.size}")
        return value

    def check(value: Any) -> Any:
        if field.base in DTYPES:
            if field.kind == "array" and isinstance(value, np.ndarray):
                return check_array(value)
            if field.kind == "sequence":
                code = ARRAY_CODES[field.base]
                if isinstance(value, array.array) and value.typecode != code:
                    raise AssertionError(
                        f"The '{name}' array.array() must have the type code of '{code}'"
                    )
                block = as_block(field, value)
                if block is not None:
                    if not length_fits(block):
                        raise AssertionError(
                            f"The '{name}' array.array() must have a size <= {field.size}"
                        )
                    return block
                if isinstance(value, np.ndarray) and value.ndim == 1:
                    value = value.tolist()
        if (
            not isinstance(value, (Sequence, Set, UserList))
            or isinstance(value, (str, UserString))
            or not length_fits(value)
            or not all(isinstance(v, expected) for v in value)
            or not all(_in_range(field, v) for v in value)
        ):
            raise AssertionError(message)
        return convert(field, value)

    return check
