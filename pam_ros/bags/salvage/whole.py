# SPDX-License-Identifier: Apache-2.0
"""Whether a bag is whole: by what a reader gives of it, not by how its metadata is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.bags.salvage.stated import compression_of, topics_agree
from pam_ros.bags.salvage.verify import joined, read_back, same

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pam_ros.bags.salvage.found import Salvage
    from pam_ros.bags.salvage.layout import Layout
    from pam_ros.bags.salvage.stated import Facts


_NEEDED = {"version", "duration", "starting_time", "message_count", "topics_with_message_count"}
"""What no reader does without."""


def is_whole(layout: Layout, files: Sequence[Salvage]) -> bool:
    """Whether a reader gives all that the files hold, as often as metadata.yaml states."""
    if layout.missing or layout.unnamed or not all(file.complete for file in files):
        return False
    if layout.bag.is_file():
        return reads(layout.bag, files)
    stated = layout.stated
    if stated is None or stated.get("storage_identifier") != layout.storage:
        return False
    if needs_plugin(stated, files):
        # A plugin of rosbag2 reads it; here only the files can be.
        read = all(reads(file.path, [file]) for file in files)
    else:
        read = reads(layout.bag, files)
    return read and topics_agree(stated, counts_of(files))


def needs_plugin(facts: Facts, files: Sequence[Salvage]) -> bool:
    """Whether messages are compressed by a plugin of rosbag2 that nothing here can undo."""
    mode, form = compression_of(facts)
    packed = mode == "message" and form not in {"", "zstd"}
    return packed and facts.keys() >= _NEEDED and not any(file.compressed for file in files)


def reads(bag: Path, files: Sequence[Salvage]) -> bool:
    """Whether a folder or file gives exactly what was salvaged of these files."""
    try:
        return same(read_back(bag), joined(files))
    except BagError:
        return False


def counts_of(files: Sequence[Salvage]) -> dict[str, int]:
    """Messages by topic."""
    counts: dict[str, int] = {}
    for file in files:
        for name, count in file.facts.counts.items():
            counts[name] = counts.get(name, 0) + count
    return counts
