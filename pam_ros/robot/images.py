# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs Image and CompressedImage to RGB arrays, and back.

Messages are duck-typed: anything with the standard fields. Conversions equal cv_bridge's
``imgmsg_to_cv2(message, "rgb8")`` for the encodings below.
"""

from __future__ import annotations

import array
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.image_file import MAX_PIXELS, decode_file
from pam_ros.robot.pixels import (
    LAYOUTS,
    holds_measurements,
    names_only_the_type,
    planes_to_rgb,
    to_rgb,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pam_ros.message_types.sensor_msgs import CompressedImage, Image

#: Encodings that are read, with their bytes per pixel.
ENCODINGS: Mapping[str, int] = MappingProxyType(
    {name: layout.pixel for name, layout in LAYOUTS.items()}
)
# Pictures that compressed_image_transport takes to be in RGB order, unless their format says
# "compressed bgr".
_COLOURS = tuple(space + bits for space in ("rgb", "bgr", "rgba", "bgra") for bits in ("8", "16"))


def image_to_rgb(message: Image, encoding: str | None = None) -> npt.NDArray[np.uint8]:
    """A sensor_msgs/msg/Image as an array of its own (H, W, 3) uint8, RGB.

    Rows may be padded (``step``; 0 says that they are not). ``is_bigendian`` is heeded if a number
    has two bytes.

    Args:
        message: has height, width, encoding, step, is_bigendian and data.
        encoding: what the contract expects, also of a message that says 8UC3 or the like; None
            takes any of ENCODINGS.

    Raises:
        MessageError: an encoding that is not read or not the expected one, or sizes that disagree.
    """
    height, width = int(message.height), int(message.width)
    given = _encoding(str(message.encoding), encoding)
    layout = LAYOUTS[given]
    step = int(message.step) or width * layout.pixel
    if height < 1 or width < 1:
        raise MessageError(f"image is empty: {height}x{width} (height x width)")
    if height * width > MAX_PIXELS:
        raise MessageError(f"image of {height}x{width} pixels is larger than {MAX_PIXELS} pixels")
    if step < width * layout.pixel:
        raise MessageError(
            f"image step is {step} bytes; {width} pixels of {given} need at least "
            f"{width * layout.pixel}"
        )
    _check_size(given, height, width)
    if layout.planes is not None and layout.planes.apart and step % layout.planes.cols_share:
        raise MessageError(f"image step is {step} bytes; {given} needs an even step")
    data, rows = message_bytes(message.data), layout.rows(height)
    if data.size != rows * step:
        raise MessageError(
            f"image data has {data.size} bytes; height {height} times step {step} is {rows * step}"
            + (" with the colours that follow" if layout.planes is not None else "")
        )
    if layout.planes is not None:
        return planes_to_rgb(data.reshape(rows, step), height, width, layout.planes)
    pixels: npt.NDArray[Any] = data.reshape(rows, step)[:, : width * layout.pixel]
    if layout.itemsize == 2:
        order = ">u2" if message.is_bigendian else "<u2"
        pixels = np.ascontiguousarray(pixels).view(order).astype(np.uint16)
    if layout.channels > 1:
        pixels = pixels.reshape(height, width, layout.channels)
    return to_rgb(pixels, layout.code)


def any_image_to_rgb(message: Image, meant: str | None) -> npt.NDArray[np.uint8]:
    """As `image_to_rgb`, but of any encoding; `meant` is what one that tells only its type is.

    Raises:
        MessageError: likewise.
    """
    given = str(message.encoding)
    typed = meant is not None and given not in LAYOUTS and names_only_the_type(given, meant)
    return image_to_rgb(message, meant if typed else None)


def compressed_to_rgb(message: CompressedImage) -> npt.NDArray[np.uint8]:
    """A sensor_msgs/msg/CompressedImage (JPEG or PNG) as (H, W, 3) uint8, RGB.

    The format is read as compressed_image_transport reads it: "rgb8; jpeg compressed bgr8" is the
    raw picture's encoding, the kind of file and its order; a bare "jpeg" has the usual order.

    Raises:
        MessageError: neither JPEG nor PNG, damaged, too large, or no picture in colours or grey:
            the sentence says what it is.
    """
    form = str(message.format)
    encoding, separator, how = (part.strip() for part in form.partition(";"))
    if "compressedDepth" in form or holds_measurements(encoding):
        raise MessageError(
            f"compressed image is a depth image or other measurements (format '{form[:40]}'); a "
            "colour image is needed"
        )
    pixels = decode_file(message_bytes(message.data), form)
    if pixels.ndim == 2:
        return to_rgb(pixels, _one_channel(pixels, encoding, how))
    if _is_mosaic(encoding) and "bgr" not in how:
        raise MessageError(
            f"compressed image has {pixels.shape[2]} channels; a mosaic has one (format "
            f"'{form[:40]}')"
        )
    # The alpha channel, if there is one, is dropped, as a raw picture's is.
    swapped = encoding in _COLOURS and bool(separator) and "compressed bgr" not in how
    return to_rgb(pixels[:, :, :3], None if swapped else cv2.COLOR_BGR2RGB)


def _one_channel(pixels: npt.NDArray[Any], encoding: str, how: str) -> int:
    """OpenCV's conversion of a compressed picture of one channel, (H, W), to RGB."""
    layout = LAYOUTS.get(encoding)
    # What compressed_image_transport of ROS 2 makes of mosaics and YUV before it writes a JPEG.
    if layout is not None and (
        layout.shared or layout.planes is not None or (layout.mosaic and "mono" in how)
    ):
        raise MessageError(
            f"compressed image holds brightness alone, though its camera sees colours (format "
            f"'{encoding}; {how[:40]}'); compress rgb8 or bgr8"
        )
    if layout is not None and layout.mosaic and layout.code is not None:
        _check_size(encoding, *pixels.shape)
        return layout.code
    if pixels.dtype != np.uint8 and encoding != "mono16":
        raise MessageError(
            f"compressed image has {8 * pixels.itemsize} bits per pixel and one channel, as depth "
            f"has, and its format '{encoding[:40]}' does not say mono16"
        )
    return cv2.COLOR_GRAY2RGB


def _is_mosaic(encoding: str) -> bool:
    return encoding in LAYOUTS and LAYOUTS[encoding].mosaic


def _encoding(given: str, expected: str | None) -> str:
    """The encoding to read a message by: its own, or the contract's if it tells only the type."""
    if expected is not None and given != expected:
        if expected in LAYOUTS and names_only_the_type(given, expected):
            return expected
        raise MessageError(f"image encoding is '{given}'; the contract says '{expected}'")
    if given in LAYOUTS:
        return given
    what = "is of depth or other measurements" if holds_measurements(given) else "is not read"
    raise MessageError(f"image encoding '{given}' {what}; publish one of {', '.join(ENCODINGS)}")


def _check_size(encoding: str, height: int, width: int) -> None:
    layout = LAYOUTS[encoding]
    if layout.shared and width % 2:
        raise MessageError(f"image width is {width}; {encoding} needs an even width")
    if layout.planes is not None and height % layout.planes.rows_share:
        raise MessageError(f"image height is {height}; {encoding} needs an even height")
    if layout.mosaic and min(height, width) < 3:
        raise MessageError(f"image of {height}x{width} is too small for {encoding}: 3x3 at least")


def fill_image(message: Image, rgb: npt.NDArray[np.uint8], encoding: str = "rgb8") -> None:
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


def fill_compressed_image(
    message: CompressedImage, rgb: npt.NDArray[np.uint8], quality: int = 85
) -> None:
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


def message_bytes(data: Any) -> npt.NDArray[np.uint8]:
    """The message's bytes as an array, whatever holds them (array, bytes, numpy, list)."""
    try:
        return np.frombuffer(data, dtype=np.uint8)
    except (TypeError, ValueError, BufferError):
        pass
    try:
        return np.asarray(data, dtype=np.uint8).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        raise MessageError(f"image data is a {type(data).__name__}; it must be bytes") from None
