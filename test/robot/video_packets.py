# SPDX-License-Identifier: Apache-2.0
"""Known pictures as packets of H.264, and what another decoder makes of them."""

from __future__ import annotations

import io
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np

from pam_ros.robot.contract import FFMPEG_PACKET

HEIGHT, WIDTH = 64, 96
SECOND = 10**9


def picture(number: int) -> np.ndarray:
    """A plain colour that says which one it is, and a white block that moves."""
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:] = (40 + 4 * (number % 50), 200 - 3 * (number % 50), 90)
    left = 2 * (number % 40)
    rgb[20:36, left : left + 16] = 255
    return rgb


def encode(count, *, b_frames=0, every=10, first=0, **options) -> list[tuple[bytes, int]]:
    """Packets in the order of sending, each with the number of its picture."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base, codec.gop_size = Fraction(1, 30), every
    codec.options = {
        "bf": str(b_frames), "crf": "10", "preset": "veryfast", "sc_threshold": "0",
        "threads": "1",
    } | options  # fmt: skip
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(picture(first + number), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [(bytes(packet), first + packet.pts) for packet in packets]


def reference(packets) -> list[np.ndarray]:
    """All pictures of a whole stream, by FFmpeg's own reader of such files."""
    data = io.BytesIO(b"".join(data for data, _ in packets))
    with av.open(data, format="h264") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def ffmpeg_message(data: bytes, number: int, stamp_ns: int, codec="h264"):
    """As ffmpeg_image_transport sends it."""
    seconds, rest = divmod(stamp_ns, SECOND)
    stamp = SimpleNamespace(sec=seconds, nanosec=rest)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id="camera"), width=WIDTH, height=HEIGHT,
        encoding=codec, pts=number, flags=0, is_bigendian=False, data=data,
    )  # fmt: skip


def foxglove_message(data: bytes, stamp_ns: int, codec="h264"):
    """As Foxglove's schema has it."""
    seconds, rest = divmod(stamp_ns, SECOND)
    stamp = SimpleNamespace(sec=seconds, nanosec=rest)
    return SimpleNamespace(timestamp=stamp, frame_id="camera", data=data, format=codec)


KIND = FFMPEG_PACKET
