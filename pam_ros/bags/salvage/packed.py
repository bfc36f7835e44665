# SPDX-License-Identifier: Apache-2.0
"""Storage files compressed as a whole, as by `ros2 bag record --compression-mode file`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from pathlib import Path

PACKED = ".zstd"
_BLOCK = 4096
"""Of compressed bytes: even of zeros alone they unpack to no more than some 128 MiB."""


def is_packed(file: Path) -> bool:
    """Whether a file's name says so."""
    return file.suffix == PACKED


def plain_name(file: Path) -> str:
    """The name of what is in it: bag_0.mcap of bag_0.mcap.zstd, and of bag_0.mcap itself."""
    return file.name.removesuffix(PACKED)


def unpack(packed: Path, plain: Path) -> str:
    """Write what a file holds, as far as it can be read, into a new one.

    Returns:
        What is wrong with its compression, in one sentence; empty if nothing is.

    Raises:
        OSError: the disk refuses.
    """
    with packed.open("rb") as source, plain.open("xb") as target:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            while block := source.read(_BLOCK):
                while block:
                    if frame.eof:
                        frame = zstandard.ZstdDecompressor().decompressobj()
                    target.write(frame.decompress(block))
                    block = frame.unused_data
        except zstandard.ZstdError as error:
            return f"its compression is damaged ({error})"
    return "" if frame.eof else "its compression is cut off"
