# SPDX-License-Identifier: Apache-2.0
"""A camera's picture as its policy wants it: turned, cut, resized and padded, by the contract."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.policy.resizing import loses_its_shape, resize, shape_words
from pam_ros.robot.contract import ALIGNMENTS
from pam_ros.robot.errors import MessageError
from pam_ros.robot.regions import SourceRegion

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pam_ros.robot.contract import CameraContract, Crop

_TURNS: Mapping[int, int] = MappingProxyType(
    {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
)


def fit(camera: CameraContract, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The camera's turn, crop and resize: (H, W, 3) uint8 of the size that the policy wants.

    Raises:
        MessageError: the crop does not lie within the image, or the size comes out wrong.
    """
    region = source_region(camera, rgb.shape[0], rgb.shape[1])
    x, y = int(region.crop_x), int(region.crop_y)
    cut = rgb[y : y + int(region.crop_height), x : x + int(region.crop_width)]
    if camera.rotate:
        cut = np.asarray(cv2.rotate(cut, _TURNS[camera.rotate]), dtype=np.uint8)
    cut = np.ascontiguousarray(cut)
    height, width = int(region.shown_height), int(region.shown_width)
    if cut.shape[:2] != (height, width):
        cut = resize(cut, height, width, camera.resizing.interpolation)
    if (height, width) == (region.height, region.width):
        return cut
    size = (int(region.height), int(region.width), 3)
    padded = np.full(size, camera.resizing.pad_value, dtype=np.uint8)
    top, left = int(region.top), int(region.left)
    padded[top : top + height, left : left + width] = cut
    return padded


def source_region(camera: CameraContract, height: int, width: int) -> SourceRegion:
    """The part of a source image of this size that becomes the policy's image.

    Raises:
        MessageError: the crop does not lie within the image, or the size comes out wrong.
    """
    turned = camera.rotate in {90, 270}
    tall, wide = (width, height) if turned else (height, width)
    x, y, crop_width, crop_height = 0, 0, wide, tall
    if camera.crop is not None:
        x, y = camera.crop.x, camera.crop.y
        crop_width, crop_height = camera.crop.width, camera.crop.height
        _check_crop(camera, camera.crop, tall, wide)
    out_height, out_width = _result_size(camera, crop_height, crop_width)
    # The crop's place in the picture as it came: how far its edges are from those of the picture.
    right, below = wide - x - crop_width, tall - y - crop_height
    places = {0: (x, y), 90: (y, right), 180: (right, below), 270: (below, x)}
    source_x, source_y = places[camera.rotate]
    cut = (crop_height, crop_width) if turned else (crop_width, crop_height)
    shown_height, shown_width = _shown_size(
        camera, (crop_height, crop_width), out_height, out_width
    )
    part = ALIGNMENTS[camera.resizing.keep_aspect or "top_left"]
    top = int((out_height - shown_height) * part)
    left = int((out_width - shown_width) * part)
    return SourceRegion(
        *(source_x, source_y, *cut, out_width, out_height),
        rotate=camera.rotate,
        left=left,
        top=top,
        right=out_width - shown_width - left,
        bottom=out_height - shown_height - top,
    )


def squashed(camera: CameraContract, height: int, width: int) -> list[str]:
    """A sentence if a source image of this size loses its proportions; else nothing.

    Raises:
        MessageError: as source_region.
    """
    region = source_region(camera, height, width)
    if camera.target is None or camera.resizing.keep_aspect is not None:
        return []
    wide, tall = region.crop_width, region.crop_height
    if camera.rotate in {90, 270}:
        wide, tall = tall, wide
    out_wide, out_tall = region.width, region.height
    if not loses_its_shape((wide, tall), (out_wide, out_tall)):
        return []
    return [
        (
            f"camera '{camera.name}' ({camera.topic}): {shape_words(wide, tall)} is squashed into "
            f"{shape_words(out_wide, out_tall)}; if the training did not do so, write a crop of "
            "that shape, or 'keep_aspect: true' under resize"
        )
    ]


def _check_crop(camera: CameraContract, crop: Crop, height: int, width: int) -> None:
    if crop.x + crop.width > width or crop.y + crop.height > height:
        turned = f", turned by {camera.rotate} degrees" if camera.rotate else ""
        raise MessageError(
            f"camera '{camera.name}' sends {height}x{width} (height x width{turned}); its crop "
            f"reaches to row {crop.y + crop.height} and column {crop.x + crop.width}"
        )


def _result_size(camera: CameraContract, height: int, width: int) -> tuple[int, int]:
    """Height and width of the policy's image that a crop of this size becomes."""
    target = camera.target
    if target is None and camera.resize == "policy":
        raise MessageError(f"camera '{camera.name}' resizes to the policy; bind the contract first")
    if target is not None:
        height, width = target.height, target.width
    wanted = camera.policy_size
    if wanted is not None and (height, width) != (wanted.height, wanted.width):
        raise MessageError(
            f"camera '{camera.name}' gives {height}x{width} (height x width); the policy "
            f"wants {wanted.height}x{wanted.width}: write 'resize: policy' in the contract"
        )
    return height, width


def _shown_size(
    camera: CameraContract, cut: tuple[int, int], height: int, width: int
) -> tuple[int, int]:
    """Height and width of the picture within the policy's image, without padding.

    Rounded as openpi and LeRobot's policies do it: down.
    """
    if camera.resizing.keep_aspect is None:
        return height, width
    ratio = max(cut[1] / width, cut[0] / height)
    return max(int(cut[0] / ratio), 1), max(int(cut[1] / ratio), 1)
