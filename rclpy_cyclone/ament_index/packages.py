# SPDX-License-Identifier: Apache-2.0
"""ament_index_python.packages: the prefix and the share directory of a package."""

from __future__ import annotations

import warnings
from pathlib import Path

from .resources import get_resource, get_resources
from .search_paths import get_search_paths
from .shares import PACKAGE_NAME, shares


class PackageNotFoundError(KeyError):
    """No prefix has this package."""


def get_packages_with_prefixes() -> dict[str, str]:
    """The names of all packages, and the prefix of each.

    Raises:
        EnvironmentError: no prefix is known.

    """
    return get_resources("packages")


def get_package_prefix(package_name: str) -> str:
    """The prefix that a package is installed in.

    Raises:
        PackageNotFoundError: it is in none.
        ValueError: no package can have that name.
        EnvironmentError: no prefix is known.

    """
    if not PACKAGE_NAME.fullmatch(package_name):
        raise ValueError(f"'{package_name}' is not a valid package name")
    try:
        return get_resource("packages", package_name)[1]
    except LookupError as error:
        raise PackageNotFoundError(
            f"package '{package_name}' not found, searching: {get_search_paths()}"
        ) from error


def get_package_share_directory(package_name: str, print_warning: bool = True) -> str:
    """The folder with a package's shared files.

    Args:
        package_name: whose.
        print_warning: warn if the folder does not exist.

    Raises:
        PackageNotFoundError: no prefix has the package.
        ValueError: no package can have that name.
        EnvironmentError: no prefix is known.

    """
    return str(_share(package_name, print_warning))


def get_package_share_path(package_name: str, print_warning: bool = True) -> Path:
    """As get_package_share_directory(), as a Path."""
    return _share(package_name, print_warning)


def _share(package: str, warn: bool) -> Path:
    prefix = get_package_prefix(package)
    folder = shares.folders().get(package, Path(prefix, "share", package))
    if warn and not folder.exists():
        warnings.warn(f"Share directory for {package} ({folder}) does not exist.", stacklevel=3)
    return folder
