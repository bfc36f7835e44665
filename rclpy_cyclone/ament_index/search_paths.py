# SPDX-License-Identifier: Apache-2.0
"""ament_index_python.search_paths: the prefixes in which packages are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from .constants import AMENT_PREFIX_PATH_ENV_VAR
from .shares import shares


def get_search_paths() -> list[str]:
    """The folders of AMENT_PREFIX_PATH that exist; without it, those that install() was told of.

    Raises:
        EnvironmentError: there are neither.

    """
    paths = os.environ.get(AMENT_PREFIX_PATH_ENV_VAR)
    if paths:
        return [path for path in paths.split(os.pathsep) if path and Path(path).exists()]
    told = shares.prefixes()
    if not told:
        raise OSError(
            f"Environment variable '{AMENT_PREFIX_PATH_ENV_VAR}' is not set or empty, and no "
            "package's share directory is known: name it in install(share=...)"
        )
    return list(dict.fromkeys(told.values()))
