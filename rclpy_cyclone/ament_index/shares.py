# SPDX-License-Identifier: Apache-2.0
"""The packages that install() was told of: an index for machines without AMENT_PREFIX_PATH."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .constants import AMENT_PREFIX_PATH_ENV_VAR

if TYPE_CHECKING:
    from pathlib import Path

# REP 144, and the hyphens and capitals that older packages have.
PACKAGE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]+", re.ASCII)


class Shares:
    """Share directories by package. They count while AMENT_PREFIX_PATH is not set."""

    def __init__(self) -> None:
        self._folders: dict[str, Path] = {}

    def add(self, package: str, folder: Path) -> None:
        """Tell where a package's share directory is; the last word counts.

        Raises:
            ValueError: no package can have that name.
            FileNotFoundError: there is no such folder.

        """
        if not PACKAGE_NAME.fullmatch(package):
            raise ValueError(f"{package!r} is not a valid package name")
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}, the share directory of {package}, is not a folder")
        self._folders[package] = folder.absolute()

    def folders(self) -> dict[str, Path]:
        """The share directories, by package."""
        return {} if os.environ.get(AMENT_PREFIX_PATH_ENV_VAR) else self._folders

    def prefixes(self) -> dict[str, str]:
        """The prefix of each package, below which its share directory is share/<package>.

        A package that is used from its sources has its share directory elsewhere; its prefix is
        that folder itself.
        """
        return {
            package: str(folder.parents[1] if folder.parts[-2:] == ("share", package) else folder)
            for package, folder in self.folders().items()
        }


shares = Shares()
"""What this process was told."""
