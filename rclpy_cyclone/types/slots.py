# SPDX-License-Identifier: Apache-2.0
"""The type descriptions in a message class's SLOT_TYPES, with rosidl_parser.definition's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .interfaces import FieldType

IDL_NAMES = {"bool": "boolean", "byte": "octet", "char": "uint8", "float32": "float",
             "float64": "double"}  # fmt: skip


class AbstractType:
    """Any type."""


class AbstractNestableType(AbstractType):
    """A type that can be an element of an array or a sequence."""


@dataclass(frozen=True)
class BasicType(AbstractNestableType):
    """A number, a boolean or an octet."""

    typename: str


@dataclass(frozen=True)
class NamespacedType(AbstractNestableType):
    """Another message."""

    namespaces: list[str]
    name: str

    def namespaced_name(self) -> tuple[str, ...]:
        """Every part of the name."""
        return (*self.namespaces, self.name)


class AbstractGenericString(AbstractNestableType):
    """A string."""

    def has_maximum_size(self) -> bool:
        """Whether its length is bounded."""
        return False


class AbstractString(AbstractGenericString):
    """A string of 8-bit characters."""


class AbstractWString(AbstractGenericString):
    """A string of wide characters."""


@dataclass(frozen=True)
class UnboundedString(AbstractString):
    """A string of any length."""


@dataclass(frozen=True)
class BoundedString(AbstractString):
    """A string of at most maximum_size characters."""

    maximum_size: int

    def has_maximum_size(self) -> bool:
        """Whether its length is bounded."""
        return True


@dataclass(frozen=True)
class AbstractNestedType(AbstractType):
    """An array or a sequence."""

    value_type: AbstractNestableType

    def has_maximum_size(self) -> bool:
        """Whether its length is bounded."""
        return True


@dataclass(frozen=True)
class Array(AbstractNestedType):
    """Exactly size elements."""

    size: int


class AbstractSequence(AbstractNestedType):
    """Any sequence."""


@dataclass(frozen=True)
class BoundedSequence(AbstractSequence):
    """At most maximum_size elements."""

    maximum_size: int


@dataclass(frozen=True)
class UnboundedSequence(AbstractSequence):
    """Any number of elements."""

    def has_maximum_size(self) -> bool:
        """Whether its length is bounded."""
        return False


def slot_type(field: FieldType) -> AbstractType:
    """The description of a field's type."""
    inner: AbstractNestableType
    if field.message:
        *namespaces, name = field.base.split("/")
        inner = NamespacedType(namespaces, name)
    elif field.base == "string":
        inner = BoundedString(field.string_bound) if field.string_bound else UnboundedString()
    else:
        inner = BasicType(IDL_NAMES.get(field.base, field.base))
    if field.kind == "array":
        return Array(inner, field.size)
    if field.kind == "sequence":
        return BoundedSequence(inner, field.size) if field.size else UnboundedSequence(inner)
    return inner


def type_string(field: FieldType) -> str:
    """The type as get_fields_and_field_types() words it."""
    if field.message:
        package, _, name = field.base.split("/")
        text = f"{package}/{name}"
    else:
        text = IDL_NAMES.get(field.base, field.base)
        if field.string_bound:
            text += f"<{field.string_bound}>"
    if field.kind == "array":
        return f"{text}[{field.size}]"
    if field.kind == "sequence":
        return f"sequence<{text}, {field.size}>" if field.size else f"sequence<{text}>"
    return text
