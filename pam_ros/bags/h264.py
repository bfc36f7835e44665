# SPDX-License-Identifier: Apache-2.0
"""H.264 in mp4: pictures in, with the time of each; right colours, right timing."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pam_ros.bags.errors import BagError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

#: Times are exact to a thousandth of a second.
TICKS_PER_SECOND = 1000
_BT709 = 1
_LIMITED_RANGE = 1


@dataclass(frozen=True)
class Rate:
    """How many bytes a picture may take.

    ``crf``: x264's constant quality, lower is better. ``keyframe_every`` frames a whole picture, so
    that a player can begin there; 0 leaves it to the encoder. ``bits_per_second``: at most so many
    over any two seconds; 0 for no limit.
    """

    crf: int = 20
    keyframe_every: int = 0
    bits_per_second: int = 0


def write_h264(
    output: Path,
    size: tuple[int, int],
    frames: Iterable[tuple[float, npt.NDArray[np.uint8]]],
    rate: Rate | None = None,
    encoder: str | None = None,
) -> tuple[int, float, str]:
    """Writes frames as H.264 (yuv420p, BT.709, limited range) in an mp4.

    Args:
        output: replaced if it exists.
        size: width and height [pixels], both even.
        frames: rising times [s], at least a thousandth apart, and (H, W, 3) uint8 RGB pictures.
        rate: quality and size.
        encoder: the name of one of FFmpeg's H.264 encoders; None takes the best there is.

    Returns:
        Number of frames, time of the last [s], name of the encoder.

    Raises:
        BagError: PyAV is missing, it has no encoder, or the file cannot be written.
    """
    av = import_av()
    codec = choose_encoder(av, encoder)
    if output.suffix.lower() not in _CONTAINERS:
        raise BagError(f"video {output} cannot be written: its name must end in .mp4")
    try:
        count, last = _encode(av, output, codec, size, rate or Rate(), frames)
    except (OSError, av.error.FFmpegError) as error:
        raise BagError(f"video {output} cannot be written: {error}") from None
    return count, last, codec


def _encode(
    av: Any,
    output: Path,
    codec: str,
    size: tuple[int, int],
    rate: Rate,
    frames: Iterable[tuple[float, npt.NDArray[np.uint8]]],
) -> tuple[int, float]:
    count, last = 0, 0.0
    with av.open(str(output), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(codec, rate=30, options=_options(codec, rate))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, TICKS_PER_SECOND)
        context.thread_count = 2
        context.color_range = _LIMITED_RANGE
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        if rate.keyframe_every:
            context.gop_size = rate.keyframe_every
        if codec != "libx264":
            context.bit_rate = rate.bits_per_second or 8 * size[0] * size[1]
        for last, picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            frame.pts = round(last * TICKS_PER_SECOND)
            frame.time_base = context.time_base
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count, last


def _options(codec: str, rate: Rate) -> dict[str, str]:
    if codec != "libx264":
        return {}
    options = {"crf": str(rate.crf), "preset": "veryfast"}
    if rate.keyframe_every:
        # Without B-frames a frame needs only those before it: a seek decodes less.
        options |= {"bf": "0", "sc_threshold": "0"}
    if rate.bits_per_second:
        options |= {"maxrate": str(rate.bits_per_second), "bufsize": str(2 * rate.bits_per_second)}
    return options


def import_av() -> Any:
    """PyAV.

    Raises:
        BagError: it is missing.
    """
    try:
        return importlib.import_module("av")
    except ImportError:
        raise BagError("videos need PyAV: pip install av") from None


_CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv")
#: H.264 encoders in order of preference.
_ENCODERS = ("libx264", "libopenh264")


def choose_encoder(av: Any, wanted: str | None) -> str:
    """The name of an H.264 encoder that there is; the best if none is wanted.

    Raises:
        BagError: there is none.
    """
    names = _ENCODERS if wanted is None else (wanted,)
    for name in names:
        if name in av.codecs_available:
            return name
    raise BagError(
        f"this PyAV has no H.264 encoder ({' or '.join(names)}): reinstall it from its wheel, or "
        "install an FFmpeg that has one"
    )
