# SPDX-License-Identifier: Apache-2.0
"""Interface definitions: which fields, constants and defaults a ROS 2 type has, and its hash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from .message_definitions import MESSAGES
from .service_definitions import FIELD_DEFAULTS, SERVICES

if TYPE_CHECKING:
    from pathlib import Path

# The member that IDL wants in an empty structure. It is on the wire, but not in the Python class.
EMPTY_MEMBER = "structure_needs_at_least_one_member"

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "char": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class InterfaceError(Exception):
    """An interface definition is missing or cannot be read."""


@dataclass(frozen=True)
class FieldType:
    """The type of one field.

    base is a primitive ("uint8", "string", ...) or, where message is set, a full type name.
    kind is "single", "array" (size elements) or "sequence" (at most size elements; 0: any number).
    """

    base: str
    message: bool = False
    kind: str = "single"
    size: int = 0
    string_bound: int = 0


@dataclass(frozen=True)
class Definition:
    """One structure: a message, or the request or response of a service."""

    name: str
    fields: tuple[tuple[str, FieldType], ...]
    constants: tuple[tuple[str, str, Any], ...]
    defaults: dict[str, Any]


def _field_type(description: Any) -> FieldType:
    kind, argument = description
    if kind == Nodetype.BASE:
        return FieldType(argument[0], string_bound=argument[1])
    if kind == Nodetype.NAME:
        return FieldType(argument, message=True)
    inner = _field_type(argument[0])
    name = "array" if kind == Nodetype.ARRAY else "sequence"
    return FieldType(inner.base, inner.message, name, argument[1], inner.string_bound)


def _defaults_from_text(text: str) -> dict[str, str]:
    """Default values in a .msg file, as written; rosbags' parser drops them."""
    pattern = re.compile(
        r"^\s*[A-Za-z][\w/]*(?:<=\d+)?(?:\[[<=\d]*\])?\s+([a-z]\w*)\s+([^=\s#].*)$"
    )
    found = {}
    for line in text.splitlines():
        match = pattern.match(line)
        if match:
            found[match.group(1)] = match.group(2)
    return found


def _parse_default(field: FieldType, text: str) -> Any:
    literal = text.strip()
    if not literal.startswith(("'", '"')):
        literal = literal.split("#", 1)[0].strip()
    if field.kind != "single":
        element = FieldType(field.base, string_bound=field.string_bound)
        inside = literal.strip("[]").strip()
        return [_parse_default(element, part) for part in inside.split(",")] if inside else []
    if field.base == "bool":
        return literal.lower() in ("true", "1")
    if field.base in ("float32", "float64"):
        return float(literal)
    if field.base in ("string", "wstring"):
        quoted = len(literal) > 1 and literal[0] == literal[-1] and literal[0] in "'\""
        return literal[1:-1] if quoted else literal
    if field.base == "byte":
        return bytes([int(literal, 0)])
    return int(literal, 0)


def _halves(service: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Request and response of a .srv file's text, by the suffix of their names.

    Raises:
        TypesysError: there is not one line of three dashes.
    """
    parts = re.split(r"^---[ \t]*$", service, flags=re.MULTILINE)
    if len(parts) != 2:
        raise TypesysError(f"{len(parts) - 1} lines of three dashes, not one")
    return ("Request", parts[0]), ("Response", parts[1])


def _service_types(name: str, text: str) -> dict[str, Any]:
    """The structures of a service, as rosbags' store takes them."""
    types = {}
    for suffix, body in _halves(text):
        # A type without a package is one of the same package's messages, so it is parsed as one.
        full = f"{name}_{suffix}"
        as_message = full.replace("/srv/", "/msg/")
        types[full] = get_types_from_msg(body, as_message)[as_message]
    return types


class Interfaces:
    """Every known definition: rosbags' Jazzy store, services, videos, and added packages."""

    def __init__(self) -> None:
        self.store: Any = get_typestore(Stores.ROS2_JAZZY)
        self._defaults: dict[str, dict[str, Any]] = {k: dict(v) for k, v in FIELD_DEFAULTS.items()}
        self._definitions: dict[str, Definition] = {}
        self._services: set[str] = set()
        for name, text in SERVICES.items():
            self.add_service(name, text)
        for name, text in MESSAGES.items():
            self.store.register(get_types_from_msg(text, name))

    def add_service(self, name: str, text: str) -> None:
        """Add a service by its full name ("package/srv/Name") and the text of its .srv file."""
        self.store.register(_service_types(name, text))
        self._services.add(name)

    def add_package(self, package: str, folder: Path) -> None:
        """Add the .msg and .srv files of a folder, and of its folders msg and srv, to the package.

        Raises:
            InterfaceError: there is no .msg and no .srv file, or one of them cannot be parsed, or a
                type of that name with other fields exists.

        """
        messages = sorted((*folder.glob("*.msg"), *folder.glob("msg/*.msg")))
        services = sorted((*folder.glob("*.srv"), *folder.glob("srv/*.srv")))
        if not messages and not services:
            raise InterfaceError(f"{folder} has no .msg or .srv file for the package {package!r}")
        types: dict[str, Any] = {}
        defaults: dict[str, dict[str, Any]] = {}
        for file in (*messages, *services):
            name = f"{package}/{file.suffix[1:]}/{file.stem}"
            text = file.read_text(encoding="utf-8")
            try:
                if file.suffix == ".msg":
                    types.update(get_types_from_msg(text, name))
                    defaults[name] = _defaults_from_text(text)
                else:
                    types.update(_service_types(name, text))
                    for suffix, body in _halves(text):
                        defaults[f"{name}_{suffix}"] = _defaults_from_text(body)
            except TypesysError as error:
                what = "message" if file.suffix == ".msg" else "service"
                raise InterfaceError(f"{file} is not a {what} definition: {error}") from error
        try:
            self.store.register(types)
        except TypesysError as error:
            raise InterfaceError(f"the interfaces of {folder} were refused: {error}") from error
        self._defaults.update(defaults)
        self._services.update(f"{package}/srv/{file.stem}" for file in services)

    def packages(self) -> set[str]:
        """Names of the packages with at least one interface."""
        return {name.split("/", 1)[0] for name in self.store.fielddefs}

    def names(self, package: str, kind: str) -> list[str]:
        """Short names of a package's interfaces of a kind, "msg" or "srv"."""
        prefix = f"{package}/{kind}/"
        known = self._services if kind == "srv" else self.store.fielddefs
        return sorted(name[len(prefix) :] for name in known if name.startswith(prefix))

    def has(self, name: str) -> bool:
        """Whether a structure of this full name is known."""
        return name in self.store.fielddefs

    def type_hash(self, name: str) -> str:
        """REP 2011 hash of a structure, as "RIHS01_" and 64 hexadecimal digits.

        It is the SHA-256 of a JSON text: names and types of the fields, and of all structures that
        they are made of. Comments, constants and defaults do not count. rosbags computes it, as
        rosidl_generator_type_description does. Endpoints tell theirs as "typehash=...;" in their
        user data (rmw_dds_common's qos.cpp, encode_type_hash_for_user_data_qos); those of a service
        tell that of the request and that of the response.
        """
        return str(self.store.hash_rihs01(name))

    def definition(self, name: str) -> Definition:
        """The fields of a structure.

        Raises:
            InterfaceError: no structure has this name, or one of its fields has an unknown type.
            NotImplementedError: one of its fields is a wstring.

        """
        if name not in self._definitions:
            if name not in self.store.fielddefs:
                raise InterfaceError(f"the interface {name!r} is unknown")
            constants, fields = self.store.fielddefs[name]
            types = tuple((field, _field_type(description)) for field, description in fields)
            for field, kind in types:
                if kind.message and kind.base.endswith("/wstring"):
                    raise NotImplementedError(f"fields of type wstring: {field!r} of {name}")
                if kind.message and kind.base not in self.store.fielddefs:
                    raise InterfaceError(
                        f"the field {field!r} of {name} is of the type {kind.base}, which is "
                        "unknown: install() its package as well"
                    )
            if not types:
                types = ((EMPTY_MEMBER, FieldType("uint8")),)
            defaults = {}
            for field, value in self._defaults.get(name, {}).items():
                kind = dict(types)[field]
                defaults[field] = _parse_default(kind, value) if isinstance(value, str) else value
            self._definitions[name] = Definition(name, types, tuple(constants), defaults)
        return self._definitions[name]


interfaces = Interfaces()
"""The definitions of this process; a type has one Python class, so there is one of these."""
