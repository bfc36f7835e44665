# SPDX-License-Identifier: Apache-2.0
"""ament_index_python.resources: the files of an index, by their type and name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .constants import RESOURCE_INDEX_SUBFOLDER
from .search_paths import get_search_paths
from .shares import shares

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = "packages"


class InvalidResourceTypeNameError(ValueError):
    """A type of resources has a path separator in its name."""


class InvalidResourceNameError(ValueError):
    """A resource has a path separator in its name."""


def get_resource(resource_type: str, resource_name: str) -> tuple[str, str]:
    """The content of a resource, and the prefix that it was found in: the first that has it.

    Raises:
        LookupError: there is none.
        EnvironmentError: no prefix is known, or the file cannot be read.
        InvalidResourceTypeNameError, InvalidResourceNameError

    """
    prefix = has_resource(resource_type, resource_name)
    if not prefix:
        raise LookupError(
            f"Could not find the resource '{resource_name}' of type '{resource_type}'"
        )
    if resource_name in _told(resource_type):
        return "", prefix
    try:
        content = (_folder(prefix, resource_type) / resource_name).read_text()
    except OSError as error:
        raise OSError(
            f"Could not open the resource '{resource_name}' of type '{resource_type}':\n{error}"
        ) from error
    return content, prefix


def get_resources(resource_type: str) -> dict[str, str]:
    """The names of all resources of a type, and the prefix of each.

    Raises:
        EnvironmentError: no prefix is known.
        InvalidResourceTypeNameError

    """
    _check_type(resource_type)
    found: dict[str, str] = {}
    for prefix in get_search_paths():
        for file in _visible(_folder(prefix, resource_type)):
            if not file.is_dir():
                found.setdefault(file.name, prefix)
    return found | _told(resource_type)


def get_resource_types() -> set[str]:
    """The types that there are resources of.

    Raises:
        EnvironmentError: no prefix is known.

    """
    folders = [folder for prefix in get_search_paths() for folder in _visible(_folder(prefix))]
    told = {_PACKAGES} if _told(_PACKAGES) else set()
    return told | {folder.name for folder in folders if folder.is_dir()}


def has_resource(resource_type: str, resource_name: str) -> str | Literal[False]:
    """The prefix of a resource; False if there is none.

    Raises:
        EnvironmentError: no prefix is known.
        InvalidResourceTypeNameError, InvalidResourceNameError

    """
    _check_type(resource_type)
    assert resource_name, "The resource name must not be empty"
    if _is_path(resource_name):
        raise InvalidResourceNameError(f"Resource name '{resource_name}' is invalid")
    told = _told(resource_type)
    if resource_name in told:
        return told[resource_name]
    for prefix in get_search_paths():
        if (_folder(prefix, resource_type) / resource_name).is_file():
            return prefix
    return False


def _told(resource_type: str) -> dict[str, str]:
    return shares.prefixes() if resource_type == _PACKAGES else {}


def _folder(prefix: str, resource_type: str = "") -> Path:
    return Path(prefix, RESOURCE_INDEX_SUBFOLDER, resource_type)


def _visible(folder: Path) -> Iterator[Path]:
    """What is in a folder, if there is one, but for hidden files."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if not path.name.startswith("."))


def _check_type(resource_type: str) -> None:
    assert resource_type, "The resource type must not be empty"
    if _is_path(resource_type):
        raise InvalidResourceTypeNameError(f"Resource type '{resource_type}' is invalid")


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name
