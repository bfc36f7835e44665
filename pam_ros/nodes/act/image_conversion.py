# SPDX-License-Identifier: Apache-2.0
"""Camera messages to RGB: by robot/images, and what that does not read by cv_bridge.

cv_bridge is loaded only for an encoding that robot/images does not read, one that came after this
release, so that one compiled for another NumPy or OpenCV cannot stop a node that does not need it.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import ENCODINGS, image_to_rgb
from pam_ros.robot.pixels import holds_measurements

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOG = logging.getLogger(__name__)


def to_rgb(message: Any, encoding: str | None = None) -> NDArray[np.uint8]:
    """A sensor_msgs/msg/Image as (H, W, 3) uint8 RGB.

    encoding: what the contract expects; None takes any.

    Raises:
        MessageError: it cannot be converted; one sentence says why.
    """
    given = str(message.encoding)
    if given in ENCODINGS or encoding is not None or holds_measurements(given):
        return image_to_rgb(message, encoding)
    bridge = _bridge()
    if bridge is None:
        return image_to_rgb(message, encoding)
    if len(message.data) != message.height * message.step:
        raise MessageError(
            f"image data has {len(message.data)} bytes; height {message.height} times step "
            f"{message.step} is {message.height * message.step}"
        )
    try:
        picture = np.array(bridge.imgmsg_to_cv2(message, "rgb8"))
    except Exception as error:
        # cv_bridge raises CvBridgeError, TypeError, ValueError, KeyError or OpenCV's own.
        raise MessageError(f"image encoding '{given}' is not converted: {error}") from error
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise MessageError(f"image encoding '{given}' is no colour picture")
    return picture


@lru_cache(maxsize=1)
def _bridge() -> Any:
    """A CvBridge, or None where it does not load."""
    try:
        from cv_bridge import CvBridge  # noqa: PLC0415  (see above)

        bridge = CvBridge()
        # cv_bridge loads without its compiled half, which then fails at every picture, loudly.
        bridge.encoding_to_cvtype2("bayer_rggb8")
    except Exception as error:  # noqa: BLE001  (a mismatch raises ImportError, SystemError, KeyError)
        _LOG.warning(
            "cv_bridge does not load (%s): only these encodings are read: %s",
            error,
            ", ".join(ENCODINGS),
        )
        return None
    return bridge
