# SPDX-License-Identifier: Apache-2.0
"""Message definitions: ROS 2's standard ones, of .msg folders, of bags, and of a sourced ROS 2."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from pam_ros.bags.errors import BagError
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rosbags.typesys.store import Typestore


# Messages of packages outside ROS 2's core that carry pictures. The embedded runtime, which knows
# nothing of this package, has them too; a test compares the two.
_VIDEOS = {
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": (
        "std_msgs/Header header\nint32 width\nint32 height\nstring encoding\nuint64 pts\n"
        "uint8 flags\nbool is_bigendian\nuint8[] data\n"
    ),
    "foxglove_msgs/msg/CompressedVideo": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
    ),
}


@dataclass(frozen=True)
class Definition:
    """What a bag says of a type: "ros2msg" or "ros2idl", the text, and RIHS01_... if known."""

    encoding: str
    text: str
    type_hash: str = ""


# The parser takes tens of milliseconds a message, and every bag that is opened needs them all.
@lru_cache(maxsize=1024)
def definition(text: str, name: str) -> Mapping[str, Any]:
    """The fields of one .msg text, by type name, as a typestore registers them."""
    return get_types_from_msg(text, name)


def idl_definition(text: str) -> Mapping[str, Any]:
    """The fields of what a bag holds as "ros2idl": IDL files below each other, by type name."""
    found: dict[str, Any] = {}
    for part in text.split("=" * 80 + "\n"):
        if part.strip():
            header, _, body = part.partition("\n")
            found.update(get_types_from_idl(body if header.startswith("IDL: ") else part))
    return found


def known_types(folders: Mapping[str, Path] | None = None) -> Typestore:
    """Jazzy's standard types, those of videos, this package's own, and those of .msg folders.

    Args:
        folders: ROS package name to the folder that holds its .msg files.

    Raises:
        BagError: a folder is missing, or a definition in it is wrong.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions: dict[str, Any] = {}
    for name, text in _VIDEOS.items():
        definitions.update(definition(text, name))
    for package, folder in {"pam_ros": share_directory() / "msg", **(folders or {})}.items():
        files = sorted(Path(folder).glob("*.msg"))
        if not files:
            raise BagError(f"{folder} holds no .msg files for package '{package}'")
        for file in files:
            name = f"{package}/msg/{file.stem}"
            try:
                definitions.update(definition(file.read_text(encoding="utf-8"), name))
            except (TypesysError, OSError, UnicodeDecodeError) as error:
                raise BagError(f"message definition {file} cannot be read: {error}") from None
    try:
        store.register(definitions)
    except TypesysError as error:
        raise BagError(f"message definitions disagree: {error}") from None
    return store


def empty_message(store: Typestore, name: str) -> Any:
    """An empty message of a type that the store defines, its fields at zero as in rclpy."""
    fields = store.fielddefs[name][1]
    return store.types[name](**{field: empty(store, kind) for field, kind in fields})


def empty(store: Typestore, kind: Any) -> Any:
    """Zero of a field's type, as the store describes it."""
    node, what = kind
    if node == Nodetype.NAME:
        return empty_message(store, what)
    if node == Nodetype.BASE:
        return {"string": "", "wstring": "", "bool": False}.get(
            what[0], 0.0 if what[0].startswith("float") else 0
        )
    (inner, content), length = what
    if inner == Nodetype.BASE and content[0] not in {"string", "wstring"}:
        return np.zeros(length if node == Nodetype.ARRAY else 0, content[0])
    if node == Nodetype.ARRAY:
        return [empty(store, (inner, content)) for _ in range(length)]
    return []


class Definitions:
    """One definition for each type that a bag gets, whatever it comes from.

    Args:
        store: the types that are known; those of a sourced ROS 2 are added as they are asked for.
    """

    def __init__(self, store: Typestore) -> None:
        self._store = store
        self._taken: dict[str, tuple[str, Definition]] = {}

    def take(self, topic: str, type_name: str, given: Definition | None = None) -> Definition:
        """The definition under which a topic's messages are kept.

        Args:
            topic: for the error.
            type_name: of its messages.
            given: that of the bag that they come from; None takes the one that is known here.

        Raises:
            BagError: there is none, or another topic has this type by another definition.
        """
        found = _with_hash(type_name, given) if given else self._known(topic, type_name)
        first, before = self._taken.setdefault(type_name, (topic, found))
        if found != before and _shape(type_name, found) != _shape(type_name, before):
            raise BagError(
                f"{topic} and {first} have {type_name} with other fields: a bag holds one "
                "definition of a type"
            )
        return before

    def _known(self, topic: str, type_name: str) -> Definition:
        if type_name not in self._store.fielddefs:
            _register_installed(self._store, type_name)
        if type_name not in self._store.fielddefs:
            raise BagError(
                f"message type {type_name} of {topic} is not known: give its .msg folder"
            )
        try:
            text, _ = self._store.generate_msgdef(type_name, ros_version=2)
            type_hash = self._store.hash_rihs01(type_name)
        except (TypesysError, KeyError) as error:
            raise BagError(
                f"message type {type_name} of {topic} uses a type that is not known: {error}"
            ) from None
        idl = text.startswith("=" * 80 + "\nIDL: ")
        return Definition("ros2idl" if idl else "ros2msg", text, type_hash)


def _with_hash(type_name: str, given: Definition) -> Definition:
    shape = "" if given.type_hash else _shape(type_name, given)
    return replace(given, type_hash=shape) if shape.startswith("RIHS01") else given


def _shape(type_name: str, found: Definition) -> str:
    """What two definitions with the same fields share; the text itself if it cannot be read."""
    try:
        idl = found.encoding == "ros2idl"
        types = idl_definition(found.text) if idl else definition(found.text, type_name)
        store = get_typestore(Stores.EMPTY)
        store.register(dict(types))
        return store.hash_rihs01(type_name)
    except (TypesysError, LookupError, ValueError, TypeError, AttributeError):
        return found.text


def _register_installed(store: Typestore, type_name: str) -> None:
    """Add a type, and those that it uses, if a sourced ROS 2 has them."""
    missing = [type_name]
    found: dict[str, Any] = {}
    while missing:
        name = missing.pop()
        if name in store.fielddefs or name in found:
            continue
        types = _installed(name)
        if types is None:
            return
        found.update(types)
        missing += [used for fields in types.values() for used in _used(fields)]
    try:
        store.register(found)
    except TypesysError:
        return


def _installed(type_name: str) -> Mapping[str, Any] | None:
    package, kind, name = (*type_name.split("/"), "", "")[:3]
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        file = Path(prefix) / "share" / package / kind / f"{name}.msg"
        try:
            if file.is_file():
                return definition(file.read_text(encoding="utf-8"), type_name)
            if file.with_suffix(".idl").is_file():
                return get_types_from_idl(file.with_suffix(".idl").read_text(encoding="utf-8"))
        except (TypesysError, OSError, UnicodeDecodeError):
            return None
    return None


def _used(fields: Any) -> Iterator[str]:
    """The types of fields that are messages themselves."""
    for _, (node, what) in fields[1]:
        inner = what[0] if node in {Nodetype.ARRAY, Nodetype.SEQUENCE} else (node, what)
        if inner[0] == Nodetype.NAME:
            yield inner[1]
