# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs Image and CompressedImage to RGB arrays, the policy's crop and resize, and back.

Messages are duck-typed: anything with the standard fields. Conversions equal cv_bridge's
``imgmsg_to_cv2(message, "rgb8")`` for the encodings below.
"""

from __future__ import annotations

import array
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pam_ros.robot.contract import CameraContract

#: Encodings that are read, with their bytes per pixel.
ENCODINGS: Mapping[str, int] = MappingProxyType(
    {
        "rgb8": 3,
        "bgr8": 3,
        "rgba8": 4,
        "bgra8": 4,
        "mono8": 1,
        "yuv422": 2,
        "uyvy": 2,
        "yuv422_yuy2": 2,
        "yuyv": 2,
    }
)
_TO_RGB = MappingProxyType(
    {
        "bgr8": cv2.COLOR_BGR2RGB,
        "rgba8": cv2.COLOR_RGBA2RGB,
        "bgra8": cv2.COLOR_BGRA2RGB,
        "mono8": cv2.COLOR_GRAY2RGB,
        "yuv422": cv2.COLOR_YUV2RGB_UYVY,
        "uyvy": cv2.COLOR_YUV2RGB_UYVY,
        "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
        "yuyv": cv2.COLOR_YUV2RGB_YUY2,
    }
)
#: A picture of more pixels than this is refused before memory is taken for it.
MAX_PIXELS = 2**26
#: A byte of a PNG holds at most so many pixels: deflate packs 1032 bytes into one, of eight pixels
#: each. Of a JPEG, fewer. A header that declares more than its data can hold gets no memory.
MAX_PIXELS_PER_BYTE = 8 * 1032

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def image_to_rgb(message: Any, encoding: str | None = None) -> npt.NDArray[np.uint8]:
    """A sensor_msgs/msg/Image as an array of its own (H, W, 3) uint8, RGB.

    One byte per channel, so ``is_bigendian`` says nothing. Rows may be padded (``step``).

    Args:
        message: has height, width, encoding, step and data.
        encoding: what the contract expects; None takes any of ENCODINGS.

    Raises:
        MessageError: an encoding that is not read or not the expected one, or sizes that disagree.
    """
    height, width, step = int(message.height), int(message.width), int(message.step)
    given = str(message.encoding)
    if encoding is not None and given != encoding:
        raise MessageError(f"image encoding is '{given}'; the contract says '{encoding}'")
    if given not in ENCODINGS:
        raise MessageError(
            f"image encoding '{given}' is not read; publish one of {', '.join(ENCODINGS)}"
        )
    pixel = ENCODINGS[given]
    if height < 1 or width < 1:
        raise MessageError(f"image is empty: {height}x{width} (height x width)")
    if height * width > MAX_PIXELS:
        raise MessageError(f"image of {height}x{width} pixels is larger than {MAX_PIXELS} pixels")
    if step < width * pixel:
        raise MessageError(
            f"image step is {step} bytes; {width} pixels of {given} need at least {width * pixel}"
        )
    data = _bytes(message.data)
    if data.size != height * step:
        raise MessageError(
            f"image data has {data.size} bytes; height {height} times step {step} is "
            f"{height * step}"
        )
    if pixel == 2 and width % 2:
        raise MessageError(f"image width is {width}; {given} needs an even width")
    rows = data.reshape(height, step)[:, : width * pixel]
    pixels = rows.reshape(height, width, pixel)
    if given == "rgb8":
        return np.array(pixels, order="C")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), _TO_RGB[given]), dtype=np.uint8)


def compressed_to_rgb(message: Any) -> npt.NDArray[np.uint8]:
    """A sensor_msgs/msg/CompressedImage (JPEG or PNG) as (H, W, 3) uint8, RGB.

    Raises:
        MessageError: neither JPEG nor PNG, damaged, or too large.
    """
    if "compressedDepth" in str(message.format):
        raise MessageError("compressed image is a depth image; a colour image is needed")
    data = _bytes(message.data)
    size = _declared_size(data.tobytes())
    if size is None:
        raise MessageError(
            f"compressed image (format '{str(message.format)[:40]}', {data.size} bytes) is neither "
            "JPEG nor PNG, or cut short"
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
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise MessageError(f"compressed image of {data.size} bytes is damaged: it does not decode")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@dataclass(frozen=True)
class SourceRegion:
    """Where a policy image comes from in its source image [pixels].

    The crop has its top left pixel at (crop_x, crop_y); it was resized to (height, width). Pixel x
    of the policy's image lies at ``crop_x + (x + 0.5) * crop_width / width - 0.5`` of the source
    image; rows alike.
    """

    crop_x: int
    crop_y: int
    crop_width: int
    crop_height: int
    width: int
    height: int


def fit(camera: CameraContract, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The camera's crop, then its resize: (H, W, 3) uint8 of the size that the policy wants.

    Shrinking averages the source pixels (cv2.INTER_AREA), enlarging interpolates linearly.

    Raises:
        MessageError: the crop does not lie within the image, or the size comes out wrong.
    """
    region = source_region(camera, rgb.shape[0], rgb.shape[1])
    rows = slice(region.crop_y, region.crop_y + region.crop_height)
    cols = slice(region.crop_x, region.crop_x + region.crop_width)
    cut = np.ascontiguousarray(rgb[rows, cols])
    if (region.crop_height, region.crop_width) == (region.height, region.width):
        return cut
    shrinks = region.height <= region.crop_height and region.width <= region.crop_width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    size = (region.width, region.height)
    return np.asarray(cv2.resize(cut, size, interpolation=method), dtype=np.uint8)


def source_region(camera: CameraContract, height: int, width: int) -> SourceRegion:
    """The part of a source image of this size that becomes the policy's image.

    Raises:
        MessageError: the crop does not lie within the image, or the size comes out wrong.
    """
    x, y, crop_width, crop_height = 0, 0, width, height
    if camera.crop is not None:
        x, y = camera.crop.x, camera.crop.y
        crop_width, crop_height = camera.crop.width, camera.crop.height
        if x + crop_width > width or y + crop_height > height:
            raise MessageError(
                f"camera '{camera.name}' sends {height}x{width} (height x width); its crop reaches "
                f"to row {y + crop_height} and column {x + crop_width}"
            )
    target = camera.target
    if target is None and camera.resize == "policy":
        raise MessageError(f"camera '{camera.name}' resizes to the policy; bind the contract first")
    out_height = crop_height if target is None else target.height
    out_width = crop_width if target is None else target.width
    wanted = camera.policy_size
    if wanted is not None and (out_height, out_width) != (wanted.height, wanted.width):
        raise MessageError(
            f"camera '{camera.name}' gives {out_height}x{out_width} (height x width); the policy "
            f"wants {wanted.height}x{wanted.width}: write 'resize: policy' in the contract"
        )
    return SourceRegion(x, y, crop_width, crop_height, out_width, out_height)


def fill_image(message: Any, rgb: npt.NDArray[np.uint8], encoding: str = "rgb8") -> None:
    """Writes (H, W, 3) uint8 RGB into a sensor_msgs/msg/Image; the header stays as it is.

    Args:
        message: the message to fill.
        rgb: the picture.
        encoding: rgb8 or bgr8.
    """
    height, width = rgb.shape[:2]
    pixels = rgb if encoding == "rgb8" else cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    message.height, message.width, message.step = height, width, 3 * width
    message.encoding, message.is_bigendian = encoding, 0
    # rclpy takes an array.array as it is, and checks anything else element by element.
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(pixels).data.cast("B"))
    message.data = data


def fill_compressed_image(message: Any, rgb: npt.NDArray[np.uint8], quality: int = 85) -> None:
    """Writes (H, W, 3) uint8 RGB as JPEG into a sensor_msgs/msg/CompressedImage.

    The format field is image_transport's: "rgb8; jpeg compressed bgr8".
    """
    ok, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise MessageError(f"picture of shape {rgb.shape} cannot be written as JPEG")
    message.format = "rgb8; jpeg compressed bgr8"
    message.data = array.array("B", data.tobytes())


def _bytes(data: Any) -> npt.NDArray[np.uint8]:
    """The message's bytes as an array, whatever holds them (array, bytes, numpy, list)."""
    try:
        return np.frombuffer(data, dtype=np.uint8)
    except (TypeError, ValueError, BufferError):
        pass
    try:
        return np.asarray(data, dtype=np.uint8).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        raise MessageError(f"image data is a {type(data).__name__}; it must be bytes") from None


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
