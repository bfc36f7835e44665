# SPDX-License-Identifier: Apache-2.0
"""What a camera's pixels see: rays and projections by sensor_msgs/msg/CameraInfo.

In the optical frame, as REP 103 has it: z into the picture, x to its right, y down. Pixels name
pixel middles: the middle of the top left one is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PLUMB_BOB = "plumb_bob"
_OF_LENSES = (PLUMB_BOB, "rational_polynomial", "")
_OF_FISHEYES = ("equidistant", "fisheye")
_ASPECT = 0.01
_LENGTHS = (0, 4, 5, 8, 12, 14)


@dataclass(frozen=True, eq=False)
class Pinhole:
    """A calibrated camera.

    Attributes:
        width: of its pictures [pixels].
        height: likewise.
        matrix: (3, 3) float64, K: focal lengths and principal point [pixels].
        distortion: (n,) float64, D, as OpenCV and CameraInfo have it; empty for none.
        fisheye: whether that is of the equidistant model.
    """

    width: int
    height: int
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    fisheye: bool = False

    def rays(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) points at depth 1 in the optical frame that pixels (n, 2), x and y, see."""
        flat = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if not len(flat):  # OpenCV refuses none
            return np.zeros((0, 3))
        if self.fisheye:
            found = cv2.fisheye.undistortPoints(flat, self.matrix, self.distortion)
        else:
            found = cv2.undistortPoints(flat, self.matrix, self.distortion)
        return np.concatenate([found.reshape(-1, 2), np.ones((len(flat), 1))], axis=1)

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) pixels, x and y, of points (n, 3) of the optical frame [m]; NaN behind it."""
        seen = np.asarray(points, np.float64).reshape(-1, 1, 3)
        if not len(seen):
            return np.zeros((0, 2))
        zero = np.zeros(3)
        if self.fisheye:
            found, _ = cv2.fisheye.projectPoints(seen, zero, zero, self.matrix, self.distortion)
        else:
            found, _ = cv2.projectPoints(seen, zero, zero, self.matrix, self.distortion)
        pixels: NDArray[np.float64] = found.reshape(-1, 2).copy()
        pixels[seen[:, 0, 2] <= 0] = np.nan
        return pixels

    def for_size(self, width: int, height: int) -> Pinhole:
        """The same camera for pictures that were scaled to another size.

        Raises:
            MessageError: they have other proportions, so that something was cut off.
        """
        if (width, height) == (self.width, self.height):
            return self
        across, down = width / self.width, height / self.height
        if min(width, height) < 1 or abs(across / down - 1) > _ASPECT:
            raise MessageError(
                f"camera_info is of {self.width}x{self.height} pixels, and the picture has "
                f"{width}x{height}: calibrate the camera at this size"
            )
        # Pixel middles at whole numbers: the picture's edge is at -0.5.
        scale = np.array(
            ((across, 0, 0.5 * across - 0.5), (0, down, 0.5 * down - 0.5), (0, 0, 1.0))
        )
        return replace(self, width=width, height=height, matrix=scale @ self.matrix)


def pinhole_of_fovy(width: int, height: int, fovy: float) -> Pinhole:
    """A camera without distortion that looks through the middle of its picture.

    Args:
        width: [pixels].
        height: [pixels].
        fovy: vertical field of view [rad], as MuJoCo and OpenGL have it.
    """
    focal = 0.5 * height / np.tan(0.5 * fovy)
    matrix = np.array(((focal, 0, 0.5 * (width - 1)), (0, focal, 0.5 * (height - 1)), (0, 0, 1.0)))
    return Pinhole(width, height, matrix, np.zeros(5))


def read_camera_info(message: Any, *, rectified: bool = False) -> Pinhole:
    """The camera of a sensor_msgs/msg/CameraInfo.

    Args:
        message: the CameraInfo.
        rectified: whether the pictures are already without distortion, so that P holds and not K
            and D.

    If it has a region of interest, the pictures are that part of the calibrated one.

    Raises:
        MessageError: the camera is not calibrated, or its lens is of a model that is not known.
    """
    size, corner = (int(message.width), int(message.height)), (0.0, 0.0)
    if message.roi.width and message.roi.height:  # zero: all of the picture
        size = (int(message.roi.width), int(message.roi.height))
        corner = (float(message.roi.x_offset), float(message.roi.y_offset))
    model = str(message.distortion_model)
    given = np.asarray(message.p if rectified else message.k, np.float64)
    matrix = given.reshape(3, -1)[:, :3] if given.size in {9, 12} else np.zeros((3, 3))
    matrix = matrix - np.array(((0, 0, corner[0]), (0, 0, corner[1]), (0, 0, 0)))
    distortion = np.zeros(0) if rectified else np.asarray(message.d, np.float64)
    usable = np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0
    if min(size) < 1 or not usable:
        raise MessageError(
            "camera_info has no focal length: the driver has no calibration, see camera_calibration"
        )
    if model not in _OF_LENSES + _OF_FISHEYES:
        raise MessageError(f"camera_info has the distortion model '{model[:40]}', which is unknown")
    fisheye = model in _OF_FISHEYES and not rectified
    fits = distortion.size == 4 if fisheye else distortion.size in _LENGTHS
    if not fits or not np.isfinite(distortion).all():
        raise MessageError(f"camera_info has {distortion.size} numbers of distortion for '{model}'")
    return Pinhole(*size, np.ascontiguousarray(matrix), distortion, fisheye)


def fill_camera_info(message: Any, camera: Pinhole) -> None:
    """Fill a sensor_msgs/msg/CameraInfo, but for its header, with a camera without distortion."""
    message.width, message.height = camera.width, camera.height
    message.distortion_model = PLUMB_BOB
    message.d = [0.0] * 5
    message.k = camera.matrix.ravel().tolist()
    message.r = np.eye(3).ravel().tolist()
    message.p = np.concatenate([camera.matrix, np.zeros((3, 1))], axis=1).ravel().tolist()
