# SPDX-License-Identifier: Apache-2.0
"""Pictures and messages for the tests of images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pam_ros.robot import CameraContract

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)


def image(pixels: np.ndarray, encoding: str, padding: int = 0) -> SimpleNamespace:
    """A message whose rows end in `padding` bytes of 0xEE."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    padded = np.hstack([rows, np.full((height, padding), 0xEE, dtype=np.uint8)])
    return SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=padded.shape[1],
        data=padded.tobytes(),
    )


def wide(pixels: np.ndarray) -> np.ndarray:
    """The same picture in 16 bits: 255 becomes 65535. Less than half a step is added."""
    return (pixels * np.uint16(257) + np.uint16(100) * (pixels < 255)).astype(np.uint16)


PATTERNS = {"rggb": (0, 1, 1, 2), "bggr": (2, 1, 1, 0), "gbrg": (1, 2, 0, 1), "grbg": (1, 0, 2, 1)}


def mosaic(rgb: np.ndarray, pattern: str) -> np.ndarray:
    """What a sensor behind a Bayer filter sees: (H, W), one channel's value per pixel."""
    seen = np.empty(rgb.shape[:2], rgb.dtype)
    for place, channel in enumerate(PATTERNS[pattern]):
        row, column = divmod(place, 2)
        seen[row::2, column::2] = rgb[row::2, column::2, channel]
    return seen


RAMP = np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint8)
RAMP[..., 0], RAMP[..., 2] = 255 - RAMP[..., 0], 40  # red falls, green rises, blue stays


def camera(crop=None, resize=None, policy_size=None, **others) -> CameraContract:
    return CameraContract(
        "top",
        "/top",
        "sensor_msgs/msg/Image",
        "observation.images.top",
        None,
        crop,
        resize,
        policy_size,
        **others,
    )
