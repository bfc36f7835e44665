# SPDX-License-Identifier: Apache-2.0
"""Message definitions: ROS 2's standard ones and those of .msg folders."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

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
    from collections.abc import Mapping
    from typing import Any

    from rosbags.typesys.store import Typestore


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
    """Jazzy's standard types, this package's own, and those of further .msg folders.

    Args:
        folders: ROS package name to the folder that holds its .msg files.

    Raises:
        BagError: a folder is missing, or a definition in it is wrong.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions: dict[str, Any] = {}
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
