# SPDX-License-Identifier: Apache-2.0
"""Pictures out of video topics: packets of H.264, decoded one after the other.

A packet is not a picture: most say how a picture differs from those before it. So every packet of a
topic passes through one decoder, which begins at a key frame, and begins anew at the next one where
packets are missing. What cannot be shown is counted.
"""

from __future__ import annotations

import importlib
import itertools
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np

from pam_ros.robot.contract import FFMPEG_PACKET, FOXGLOVE_VIDEO
from pam_ros.robot.errors import MessageError
from pam_ros.robot.h264 import FrameNumbers
from pam_ros.robot.image_file import MAX_PIXELS
from pam_ros.robot.images import message_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

    from pam_ros.message_types.std_msgs import Header

Tag = TypeVar("Tag")
Shown: TypeAlias = "list[tuple[Tag, npt.NDArray[np.uint8] | None]]"
"""Pictures with the tags of their packets; None for one that will not come."""
# What publishers of packets call H.264: the codec, or the encoder that made them.
_H264 = ("h264", "avc", "x264")
# Pictures may come out this many packets later at most (H.264, max_num_reorder_frames).
_REORDERED = 16
# A stamp that goes back by so much is of another stream [ns].
_BACK_NS = 1_000_000_000
# Without numbers, so many of the usual intervals without a packet may hide a lost key frame, after
# which all looks right.
_QUIET_INTERVALS, _QUIET_NS = 8, 250_000_000
_BT709, _FULL_RANGE = 1, 2
# Cause and reason.
_GAP = ("after_gap", "packets are missing: it waits for the next key frame")


@dataclass(frozen=True)
class Packet:
    """One message of a video topic.

    ``number`` counts pictures in the order in which they are shown; None if the type has none.
    """

    codec: str
    data: bytes
    stamp_ns: int
    number: int | None = None


@dataclass(frozen=True)
class DecodedImage:
    """A decoded picture, as a sensor_msgs/msg/Image has it."""

    header: Header
    height: int
    width: int
    data: Any
    step: int
    encoding: str = "rgb8"
    is_bigendian: int = 0


def decoded_image(header: Header, rgb: npt.NDArray[np.uint8]) -> DecodedImage:
    """A picture, (H, W, 3) uint8 RGB, with the header of its packet."""
    height, width = rgb.shape[:2]
    return DecodedImage(header, height, width, rgb.reshape(-1).data, 3 * width)


def read_packet(kind: str, message: Any) -> Packet:
    """A message of one of the contract's VIDEO_TYPES.

    Args:
        kind: its type.
        message: anything with the fields of that type.
    """
    stamp, _ = stamp_and_frame(kind, message)
    stamp_ns = int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)
    data = message_bytes(message.data).tobytes()
    if kind == FFMPEG_PACKET:
        return Packet(str(message.encoding), data, stamp_ns, int(message.pts))
    return Packet(str(message.format), data, stamp_ns)


def stamp_and_frame(kind: str, message: Any) -> tuple[Any, str]:
    """Stamp and frame_id of a picture's or packet's message; FOXGLOVE_VIDEO has no header."""
    if kind == FOXGLOVE_VIDEO:
        return message.timestamp, str(message.frame_id)
    return message.header.stamp, str(message.header.frame_id)


@dataclass
class VideoDecoder(Generic[Tag]):
    """The decoder of one topic. Not thread-safe.

    Attributes:
        counts: packets that gave no picture, by cause: "before_key_frame"; "after_gap", until the
            next key frame; "damaged", with those that wait for it; "lost" in the decoder.
        reason: why the last packet gave no picture, empty while pictures come.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reason: str = "no key frame came yet"
    _numbers: FrameNumbers = field(default_factory=FrameNumbers)
    _codec: Any = None
    _stream: str = ""
    _cause: str = "before_key_frame"
    _waits: bool = True
    _next: int = 0
    _inside: dict[int, tuple[Tag, int | None]] = field(default_factory=dict)
    _last: Packet | None = None
    _shown: int | None = None
    _interval_ns: int = 0
    # The numbers of the last packets.
    _window: deque[int] = field(default_factory=lambda: deque(maxlen=8))

    def take(self, packet: Packet, tag: Tag) -> Shown[Tag]:
        """The pictures that are complete with this packet, in the order in which they are shown.

        Each comes with the tag of its own packet and is (H, W, 3) uint8 RGB; None stands for one
        that will not come. B-frames come a few packets later.

        Raises:
            MessageError: the packet is not of H.264.
        """
        codec = packet.codec.split(";")[0].strip().lower()
        if not any(name in codec for name in _H264):
            raise MessageError(
                f"video is '{packet.codec[:40]}'; H.264 is read: let the publisher encode h264"
            )
        done: Shown[Tag] = []
        if codec != self._stream or self._is_of_another_stream(packet):
            done += self._drain()
            self._begin(codec)
        gap = self._was_quiet(packet)
        self._last = packet
        if packet.number is not None:
            self._window.append(packet.number)
        try:
            numbers = self._numbers.read(packet.data)
        except ValueError as error:
            return done + self._damaged(tag, f"a packet of {len(packet.data)} bytes: {error}")
        if (numbers.gap or gap) and not self._waits:
            done += self._drain()
            self._wait(*_GAP)
        if self._waits and not numbers.begins:
            if not numbers.pictures:
                return done
            self.counts[self._cause] += 1
            return [*done, (tag, None)]
        self._waits = False
        return done + self._decode(packet, tag, pictures=numbers.pictures)

    def end(self) -> Shown[Tag]:
        """No packet comes any more: the pictures that are still inside."""
        done = self._drain()
        self._begin("")
        return done

    @property
    def _counts_pictures(self) -> bool:
        """Whether the packets' numbers count pictures; a publisher may give times instead."""
        if len(self._window) < 4:
            return True
        ordered = sorted(self._window)
        return any(after - before == 1 for before, after in itertools.pairwise(ordered))

    def _is_of_another_stream(self, packet: Packet) -> bool:
        last = self._last
        if last is None:
            return False
        if packet.stamp_ns < last.stamp_ns - _BACK_NS:
            return True
        if packet.number is None or last.number is None or not self._counts_pictures:
            return False
        return abs(packet.number - last.number) > _REORDERED

    def _was_quiet(self, packet: Packet) -> bool:
        """Whether so much time passed since the last packet that a key frame may be missing."""
        if self._last is None or packet.number is not None:
            return False
        passed = packet.stamp_ns - self._last.stamp_ns
        longest = max(_QUIET_INTERVALS * self._interval_ns, _QUIET_NS)
        quiet = self._interval_ns > 0 and passed > longest
        if not quiet:
            before = self._interval_ns or passed
            self._interval_ns = (7 * before + passed) // 8
        return quiet

    def _begin(self, codec: str) -> None:
        self._stream, self._last = codec, None
        self._numbers = FrameNumbers()
        self._wait("before_key_frame", "no key frame came yet")

    def _wait(self, cause: str, reason: str) -> None:
        """Wait for the next key frame."""
        self._numbers.restart()
        self._codec, self._waits, self._cause, self.reason = None, True, cause, reason
        self._shown = None

    def _drain(self) -> Shown[Tag]:
        """The pictures that are still inside."""
        done: Shown[Tag] = []
        if self._codec is not None and self._inside:
            done += self._pictures(self._codec.decode(None))
        return done + self._lose("lost", list(self._inside))

    def _damaged(self, tag: Tag, reason: str) -> Shown[Tag]:
        done = self._lose("lost", list(self._inside))
        self._wait("damaged", reason)
        self.counts["damaged"] += 1
        return [*done, (tag, None)]

    def _decode(self, one: Packet, tag: Tag, *, pictures: bool) -> Shown[Tag]:
        av = importlib.import_module("av")
        if self._codec is None:
            self._codec = _decoder(av)
        packet = av.Packet(one.data)
        packet.pts = self._next
        if pictures:
            self._inside[self._next] = (tag, one.number)
        self._next += 1
        try:
            frames = self._codec.decode(packet)
        except av.error.FFmpegError as error:
            self._inside.pop(self._next - 1, None)
            return self._damaged(tag, f"a packet of {len(one.data)} bytes is damaged: {error}")
        done = self._pictures(frames)
        if self._waits:
            return done
        # What has not come out by now never will.
        late = list(self._inside)[: max(len(self._inside) - _REORDERED - 1, 0)]
        return done + self._lose("lost", late)

    def _pictures(self, frames: Any) -> Shown[Tag]:
        done: Shown[Tag] = []
        for frame in frames:
            if frame.pts not in self._inside:
                continue
            tag, number = self._inside[frame.pts]
            if not frame.key_frame and self._is_missing_before(number):
                done += self._lose(_GAP[0], list(self._inside))
                self._wait(*_GAP)
                break
            del self._inside[frame.pts]
            self._shown = number
            if frame.is_corrupt:
                self.counts["damaged"] += 1
                done.append((tag, None))
            else:
                self.reason = ""
                done.append((tag, _rgb(frame)))
        return done

    def _is_missing_before(self, number: int | None) -> bool:
        """Whether a picture that is shown before this one did not come."""
        if number is None or self._shown is None or not self._counts_pictures:
            return False
        return number != self._shown + 1

    def _lose(self, cause: str, which: list[int]) -> Shown[Tag]:
        if which:
            self.counts[cause] += len(which)
        return [(self._inside.pop(key)[0], None) for key in which]


def _decoder(av: Any) -> Any:
    codec = av.CodecContext.create("h264", "r")
    # Threads of their own per frame would hold every picture back by a few packets.
    codec.thread_type, codec.thread_count = "SLICE", 1
    codec.options = {"max_pixels": str(MAX_PIXELS)}
    return codec


def _rgb(frame: Any) -> npt.NDArray[np.uint8]:
    """As the stream says its colours are coded; BT.601 of limited range if it does not say."""
    # PyAV heeds the source's matrix and range only where other ones are named for the result.
    matrix, other = (
        ("ITU709", "ITU601") if int(frame.colorspace) == _BT709 else ("ITU601", "ITU709")
    )
    span = "JPEG" if int(frame.color_range) == _FULL_RANGE else "MPEG"
    rgb = frame.to_ndarray(
        format="rgb24", src_colorspace=matrix, dst_colorspace=other, src_color_range=span,
        dst_color_range="JPEG",
    )  # fmt: skip
    return np.ascontiguousarray(rgb, dtype=np.uint8)
