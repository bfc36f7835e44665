# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG files to arrays, from senders that are not trusted: sizes are read before memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    import numpy.typing as npt

#: A picture of more pixels than this is refused before memory is taken for it.
MAX_PIXELS = 2**26
#: A byte of a PNG holds at most so many pixels: deflate packs 1032 bytes into one, of eight pixels
#: each. Of a JPEG, fewer. A header that declares more than its data can hold gets no memory.
MAX_PIXELS_PER_BYTE = 8 * 1032

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def decode_file(data: npt.NDArray[np.uint8], form: str) -> npt.NDArray[Any]:
    """A JPEG or PNG file as it is stored: (H, W), or (H, W, 3 or 4) in BGR order; uint8 or uint16.

    Channels and bits are the file's, and so is the direction: a camera that writes EXIF's
    orientation is held as its contract says, and image_transport does not turn its pictures either.

    Args:
        data: the file's bytes.
        form: what the message calls it, for the error's sentence.

    Raises:
        MessageError: neither JPEG nor PNG, damaged, or too large.
    """
    size = _declared_size(data.tobytes())
    if size is None:
        raise MessageError(
            f"compressed image (format '{form[:40]}', {data.size} bytes) is neither JPEG nor PNG, "
            "or cut short"
        )
    if size[0] * size[1] > MAX_PIXELS:
        raise MessageError(
            f"compressed image of {size[0]}x{size[1]} pixels is larger than {MAX_PIXELS} pixels"
        )
    if size[0] * size[1] > data.size * MAX_PIXELS_PER_BYTE:
        raise MessageError(
            f"compressed image of {data.size} bytes is damaged: it cannot hold the {size[0]}x"
            f"{size[1]} pixels that it declares"
        )
    try:
        decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise MessageError(f"compressed image of {data.size} bytes is damaged: it does not decode")
    return np.asarray(decoded)


def _declared_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the header of a PNG or JPEG file declares it, None for anything else."""
    if data.startswith(_PNG):
        return _png_size(data)
    if not data.startswith(_JPEG):
        return None
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
            continue
        # Start of frame (ITU-T T.81, table B.1), which holds the size.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return height, width
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a PNG whose chunks all lie within the data, else None.

    The decoder takes as much memory as a chunk declares before it looks whether the data is there.
    """
    position = len(_PNG)
    while position + 12 <= len(data):
        kind = data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND" and 24 < position <= len(data):
            width, height = struct.unpack(">II", data[16:24])
            return height, width
    return None
