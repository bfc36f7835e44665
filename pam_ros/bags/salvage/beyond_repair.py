# SPDX-License-Identifier: Apache-2.0
"""Why a bag that cannot be read would not be repaired either, as far as reading it once tells."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.salvage.found import DAMAGE
from pam_ros.bags.salvage.from_mcap import McapSalvage
from pam_ros.bags.salvage.layout import layout_of
from pam_ros.bags.salvage.packed import is_packed
from pam_ros.bags.salvage.stated import compression_of

if TYPE_CHECKING:
    from pathlib import Path


def what_repair_cannot_help(bag: Path) -> str:
    """One sentence; empty if a repair may help."""
    try:
        layout = layout_of(bag)
    except (BagError, OSError) as error:
        return str(error)
    mode, form = compression_of(layout.stated)
    if mode == "message" and form not in {"", "zstd"}:
        return f"messages compressed with '{form}' are not read here, repaired or not"
    for file in layout.files:
        if is_packed(file):
            continue  # what is in it takes a repair to see
        with suppress(OSError, *DAMAGE, sqlite3.Error):
            if layout.storage == "sqlite3":
                encoding = _sqlite(file)
                if encoding:
                    return f"{file.name} is not a recording of ROS 2: it holds {encoding}"
                continue
            try:
                McapSalvage(file).survey()
            except BagError as error:
                return str(error).replace(str(file), file.name)
    return ""


def _sqlite(path: Path) -> str:
    address = f"{path.absolute().as_uri()}?immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as database:
        query = "SELECT serialization_format FROM topics WHERE serialization_format != 'cdr'"
        row = database.execute(query).fetchone()
    return f"'{row[0]}' messages" if row else ""
