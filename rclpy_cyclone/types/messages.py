# SPDX-License-Identifier: Apache-2.0
"""The Python classes of messages and services, made from their definitions on first use."""

from __future__ import annotations

import os
from typing import Any, Generic

from .cdr import Codec
from .fields import convert, default_value, setter
from .interfaces import EMPTY_MEMBER, FieldType, interfaces
from .slots import slot_type, type_string
from .variables import SrvTypeRequest, SrvTypeResponse

_classes: dict[str, type] = {}
_services: dict[str, type] = {}
_codecs: dict[str, Codec] = {}


class Message:
    """What every message class has in common; the fields are properties of the subclasses."""

    __slots__: Any = ()
    __type_name__: str
    __fields__: tuple[tuple[str, FieldType], ...]
    __defaults__: dict[str, Any]
    _fields_and_field_types: dict[str, str]
    _check_fields: bool
    SLOT_TYPES: tuple[Any, ...]

    def __init__(self, **kwargs: Any) -> None:
        check = kwargs.get("check_fields")
        # Jazzy leaves the checks out unless this variable is "1". A value that they refuse breaks
        # later, in C; here they are made unless the variable is "0".
        self._check_fields: bool = (  # type: ignore[misc]  # a slot of the subclasses
            os.environ.get("ROS_PYTHON_CHECK_FIELDS") != "0" if check is None else bool(check)
        )
        unknown = [k for k in kwargs if "_" + k not in self.__slots__]
        if unknown:
            raise AssertionError(
                "Invalid arguments passed to constructor: " + ", ".join(sorted(unknown))
            )
        for name, field in self.__fields__:
            if name in kwargs:
                value = kwargs[name]
                if field.kind != "single":
                    value = convert(field, value)
                setattr(self, name, value)
            elif name in self.__defaults__:
                setattr(self, name, convert(field, self.__defaults__[name]))
            else:
                setattr(self, "_" + name, default_value(field, message_class))

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """The type of each field by its name."""
        return dict(cls._fields_and_field_types)

    def __repr__(self) -> str:
        package, kind, name = self.__type_name__.split("/")
        parts = []
        for field, _ in self.__fields__:
            value = getattr(self, "_" + field)
            text = repr(value)
            if text.startswith("array('"):
                text = text[len("array('X', ") : -1] if len(value) else "[]"
            parts.append(f"{field}={text}")
        return f"{package}.{kind}.{name}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, self.__class__):
            return False
        for name, field in self.__fields__:
            mine, theirs = getattr(self, "_" + name), getattr(other, "_" + name)
            same = mine == theirs
            if field.kind == "array" and not isinstance(same, bool):
                same = bool(same.all())
            if not same:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]


def _property(name: str, field: FieldType) -> property:
    slot = "_" + name
    check = None

    def get(self: Any) -> Any:
        return getattr(self, slot)

    def put(self: Any, value: Any) -> None:
        nonlocal check
        if self._check_fields:
            if check is None:
                check = setter(name, field, message_class)
            setattr(self, slot, check(value))
        else:
            setattr(self, slot, convert(field, value))

    return property(get, put, doc=f"Message field '{name}'.")


class _Constants(type):
    """Keeps the constants of a message read-only."""

    __constants__: dict[str, Any]

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in cls.__dict__.get("__constants__", {}):
            raise AttributeError(f"{name} is a constant of {cls.__name__}")
        super().__setattr__(name, value)


def message_class(name: str) -> Any:
    """The class of a structure by its full name, for example "std_msgs/msg/Header".

    Raises:
        InterfaceError: no structure has this name.

    """
    if name not in _classes:
        definition = interfaces.definition(name)
        fields = tuple((n, f) for n, f in definition.fields if n != EMPTY_MEMBER)
        package, kind, short = name.split("/")
        namespace: dict[str, Any] = {
            "__slots__": [f"_{n}" for n, _ in fields] + ["_check_fields"],
            "__doc__": f"Message class '{short}'.",
            "__module__": f"{package}.{kind}",
            "__type_name__": name,
            "__fields__": fields,
            "__defaults__": definition.defaults,
            "_fields_and_field_types": {n: type_string(f) for n, f in fields},
            "SLOT_TYPES": tuple(slot_type(f) for _, f in fields),
        }
        namespace.update({n: _property(n, f) for n, f in fields})
        constants = {
            n: bytes([value]) if base == "byte" else value
            for n, base, value in definition.constants
        }
        constants |= {f"{n.upper()}__DEFAULT": v for n, v in definition.defaults.items()}
        namespace |= constants
        namespace["__constants__"] = constants
        _classes[name] = _Constants(short, (Message,), namespace)
    return _classes[name]


class ServiceType(Generic[SrvTypeRequest, SrvTypeResponse]):
    """What every service class has in common: it says what its callbacks take and give."""


def service_class(name: str) -> Any:
    """The class of a service, with Request and Response, by its full name."""
    if name not in _services:
        package, _, short = name.split("/")

        def refuse(self: object) -> None:
            raise NotImplementedError("Service classes can not be instantiated")

        _services[name] = type(
            short,
            (ServiceType,),
            {
                "__doc__": f"Service class '{short}'.",
                "__module__": f"{package}.srv",
                "__init__": refuse,
                "__service_name__": name,
                "Request": message_class(f"{name}_Request"),
                "Response": message_class(f"{name}_Response"),
            },
        )
    return _services[name]


def codec(message_type: Any) -> Codec:
    """The serialiser of a message class."""
    name = message_type.__type_name__
    if name not in _codecs:
        _codecs[name] = Codec(name, message_class)
    return _codecs[name]
