# SPDX-License-Identifier: Apache-2.0
"""A camera's raw pictures into a bag as JPEG or H.264, and how much of them that costs.

The loss is measured beside the recording, on every thirtieth picture, and kept in the bag's custom
data.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.bags.errors import BagError
from pam_ros.bags.frame_stream import FrameEncoder
from pam_ros.bags.stored_pictures import ENDINGS, StoredPictures
from pam_ros.bags.types import known_types
from pam_ros.nodes.recorders.feature_thread import FeatureThread
from pam_ros.robot.contract import COMPRESSED_IMAGE, FFMPEG_PACKET, IMAGE
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb, image_to_rgb
from pam_ros.robot.pixels import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from rosbags.interfaces import Qos

    from pam_ros.bags.writer import BagWriter

CUSTOM_KEY = "pam_ros.cameras"
"""In the bag's custom data: JSON, for each raw topic how it is stored and what that costs."""

KINDS = ("raw", "jpeg", "h264")
QUEUE = 60
_MEASURE_EVERY = 30
_PEAK = 255.0


@dataclass(frozen=True)
class Storing:
    """How cameras are stored: one of KINDS, JPEG's quality (1 to 100), x264's crf (0 to 51)."""

    kind: str = "raw"
    jpeg_quality: int = 95
    h264_crf: int = 18

    def described(self) -> dict[str, Any]:
        """For the custom data."""
        if self.kind == "jpeg":
            return {"codec": "jpeg", "quality": self.jpeg_quality, "pixels": "yuv444p"}
        return {"codec": "h264", "crf": self.h264_crf, "pixels": "yuv420p"}


class CameraStore:
    """Takes one camera's sensor_msgs/Image as CDR and writes what is stored, in its own thread.

    Of pictures that are not of 8-bit colours or grey (depth, 16 bits) the messages are kept as they
    are: what was measured must not be changed. So are those that cannot be read.

    Args:
        writer: of the bag.
        topic: of the raw pictures, by its full name.
        qos: as it was offered.
        storing: how.
        encoding: what the contract says of pictures that name no colours; None: nothing.
        say: told one sentence if something goes otherwise than expected.
    """

    def __init__(
        self,
        writer: BagWriter,
        topic: str,
        qos: Qos,
        storing: Storing,
        encoding: str | None,
        say: Callable[[str], object],
    ) -> None:
        self._writer = writer
        self._topic = topic
        self._qos = qos
        self._storing = storing
        self._encoding = encoding
        self._say = say
        self._types = known_types()
        self._kind = COMPRESSED_IMAGE if storing.kind == "jpeg" else FFMPEG_PACKET
        self._stored = topic + ENDINGS[self._kind]
        self._encoder: FrameEncoder | None = None
        self._reader = StoredPictures(self._kind)
        self._size = (0, 0)
        self._pictures = self._as_they_were = 0
        self._loss: list[float] = []
        self.not_recorded = 0
        self._thread = FeatureThread(self._work, QUEUE)

    def put(self, data: bytes, received_ns: int) -> None:
        """Take a message; returns at once."""
        self._thread.put((data, received_ns))

    def close(self) -> None:
        """Store what waits."""
        self._thread.close()
        self.not_recorded += self._thread.dropped

    def described(self) -> dict[str, Any]:
        """How the camera is stored, and the loss as far as it was measured [dB]."""
        found = {"stored_as": self._stored, **self._storing.described(), "pictures": self._pictures}
        if self._as_they_were:
            found["kept_raw"] = self._as_they_were
        if self._loss:
            found["psnr_db_mean"] = round(float(np.mean(self._loss)), 1)
            found["psnr_db_lowest"] = round(min(self._loss), 1)
            found["psnr_pictures"] = len(self._loss)
        return found

    def _work(self, item: tuple[bytes, int]) -> None:
        data, received_ns = item
        try:
            self._store(data, received_ns)
        except BagError as error:
            self.not_recorded += 1
            self._say(str(error))
        except Exception as error:  # noqa: BLE001
            # Nobody would see this thread end, and the camera would be lost from here on.
            self.not_recorded += 1
            self._say(f"a picture on {self._topic} is not stored: {type(error).__name__}: {error}")

    def _store(self, data: bytes, received_ns: int) -> None:
        rgb, message = self._picture(data)
        if rgb is None:
            self._writer.add_topic(self._topic, IMAGE, self._qos)
            self._writer.write(self._topic, data, received_ns)
            self._as_they_were += 1
            return
        jpeg = self._storing.kind == "jpeg"
        stored = self._jpeg(message, rgb) if jpeg else self._packet(message, rgb)
        self._writer.add_topic(self._stored, self._kind, self._qos)
        self._writer.write(self._stored, stored, received_ns)
        self._pictures += 1

    def _picture(self, data: bytes) -> tuple[npt.NDArray[np.uint8] | None, Any]:
        """The picture, or None if the message is to be kept as it is."""
        try:
            message: Any = self._types.deserialize_cdr(data, IMAGE)
            rgb = image_to_rgb(message, self._encoding)
            named = self._encoding or str(message.encoding)
            if LAYOUTS[named].itemsize == 1:
                return rgb, message
            reason = f"{named} has more than 8 bits"
        except MessageError as error:
            message, reason = None, str(error)
        if not self._as_they_were:
            self._say(f"pictures on {self._topic} are stored as they are: {reason}")
        return None, message

    def _jpeg(self, message: Any, rgb: npt.NDArray[np.uint8]) -> bytes:
        data = jpeg_file(rgb, self._storing.jpeg_quality)
        # As image_transport names it: a picture of rgb8, in a JPEG that was made of bgr8.
        stored: Any = self._types.types[COMPRESSED_IMAGE](
            message.header, "rgb8; jpeg compressed bgr8", data
        )
        if self._pictures % _MEASURE_EVERY == 0:
            self._loss.append(psnr(rgb, compressed_to_rgb(stored)))
        return bytes(self._types.serialize_cdr(stored, COMPRESSED_IMAGE))

    def _packet(self, message: Any, rgb: npt.NDArray[np.uint8]) -> bytes:
        if self._encoder is None or self._size != rgb.shape[:2]:
            self._size = (rgb.shape[0], rgb.shape[1])
            self._encoder = FrameEncoder(self._size, self._storing.h264_crf)
            self._reader = StoredPictures(self._kind)
        packet, key = self._encoder.encode(rgb)
        stored: Any = self._types.types[FFMPEG_PACKET](
            header=message.header,
            width=self._size[1],
            height=self._size[0],
            encoding="h264;yuv420p;rgb8;rgb8",
            pts=self._pictures,
            flags=int(key),
            is_bigendian=False,
            data=np.frombuffer(packet, dtype=np.uint8),
        )
        self._measure(stored, rgb)
        return bytes(self._types.serialize_cdr(stored, FFMPEG_PACKET))

    def _measure(self, stored: Any, rgb: npt.NDArray[np.uint8]) -> None:
        """Decode all, since a picture needs those before it, and compare a few."""
        wanted = rgb if self._pictures % _MEASURE_EVERY == _MEASURE_EVERY // 2 else None
        for original, decoded in self._reader.take(stored, wanted):
            if original is not None:
                self._loss.append(psnr(original, decoded))


def jpeg_file(rgb: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 RGB as JPEG, bytes (N,) uint8, with colours at full size.

    At half size, as JPEGs mostly have them, edges of strong colours lose more than at any quality.

    Raises:
        BagError: OpenCV writes none.
    """
    done, data = cv2.imencode(
        ".jpg",
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
        [
            cv2.IMWRITE_JPEG_QUALITY,
            quality,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
    )
    if not done:
        raise BagError(f"picture of shape {rgb.shape} cannot be written as JPEG")
    return np.asarray(data, dtype=np.uint8).reshape(-1)


def psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures of one size [dB]; 99 if they are equal."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return 99.0 if error == 0 else min(99.0, 10 * math.log10(_PEAK**2 / error))


def custom_data(storing: Storing, cameras: dict[str, CameraStore]) -> dict[str, str]:
    """What the bag says of its cameras."""
    known = {topic: store.described() for topic, store in cameras.items()}
    return {CUSTOM_KEY: json.dumps(known or {"all": storing.described()})}
