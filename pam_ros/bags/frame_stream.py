# SPDX-License-Identifier: Apache-2.0
"""H.264 one picture at a time, as cameras are stored in a bag: each packet is one picture."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.bags.errors import BagError
from pam_ros.bags.h264 import choose_encoder, import_av

if TYPE_CHECKING:
    import numpy.typing as npt

KEYFRAME_EVERY = 30
"""Pictures: what a reader that begins in the middle has to pass over, at most."""
_BT709 = 1
_LIMITED_RANGE = 1


class FrameEncoder:
    """Pictures of one size in, a packet (Annex B) for each.

    Args:
        size: height and width [pixels]; an odd one is padded by its last row or column.
        crf: x264's constant quality, lower is better.

    Raises:
        BagError: PyAV is missing, or it has no encoder.
    """

    def __init__(self, size: tuple[int, int], crf: int) -> None:
        self._av = import_av()
        self.codec = choose_encoder(self._av, None)
        self._pad = ((0, size[0] % 2), (0, size[1] % 2), (0, 0))
        context = self._av.CodecContext.create(self.codec, "w")
        context.height, context.width = (length + length % 2 for length in size)
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 30)
        context.gop_size = KEYFRAME_EVERY
        context.thread_count = 1
        context.color_range = _LIMITED_RANGE
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        if self.codec == "libx264":
            speed = {"preset": "veryfast", "tune": "zerolatency", "sc_threshold": "0"}
            context.options = {"crf": str(crf), **speed}
        else:
            context.bit_rate = 8 * context.height * context.width
        self._context = context
        self._pictures = 0

    def encode(self, rgb: npt.NDArray[np.uint8]) -> tuple[bytes, bool]:
        """The packet of a picture (H, W, 3) uint8 RGB, and whether it needs none before it.

        Raises:
            BagError: the encoder gives none.
        """
        padded = np.ascontiguousarray(np.pad(rgb, self._pad, mode="edge"))
        frame = self._av.VideoFrame.from_ndarray(padded, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709"
        )
        frame.pts = self._pictures
        self._pictures += 1
        packets = [packet for packet in self._context.encode(frame) if packet.size]
        if len(packets) != 1:
            raise BagError(f"{self.codec} gave {len(packets)} packets for a picture")
        return bytes(packets[0]), bool(packets[0].is_keyframe)
