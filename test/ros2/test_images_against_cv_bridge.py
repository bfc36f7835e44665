# SPDX-License-Identifier: Apache-2.0
"""robot/images.py against the real cv_bridge, encoding by encoding."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros2, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
# Rows padded by whole pixels: cv_bridge misreads any other padding.
COMPARE = f"""
import array, json, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
try:
    from cv_bridge import CvBridge
except ImportError as error:
    print(json.dumps({{"missing": str(error)}}))
    sys.exit()
from sensor_msgs.msg import CompressedImage, Image
from pam_ros.robot import compressed_to_rgb, fill_compressed_image, fill_image, image_to_rgb
from pam_ros.robot.images import ENCODINGS
from pam_ros.robot.pixels import LAYOUTS

rng, bridge, equal = np.random.default_rng(1), CvBridge(), {{}}
for encoding, pixel in ENCODINGS.items():
    if encoding in ("uyvy", "yuyv", "yvyu") or LAYOUTS[encoding].planes is not None:
        continue  # newer names of yuv422 and yuv422_yuy2, and what this cv_bridge may not know
    for padding in (0, 2 * pixel):
        step = 10 * pixel + padding
        data = rng.integers(0, 256, 7 * step, dtype=np.uint8)
        message = Image(height=7, width=10, encoding=encoding, step=step)
        message.data = array.array("B", data.tobytes())
        theirs = bridge.imgmsg_to_cv2(message, "rgb8")
        equal[f"{{encoding}}+{{padding}}"] = np.array_equal(image_to_rgb(message), theirs)
rgb = rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)
for encoding, pixels in (("rgb8", rgb), ("bgr8", rgb[:, :, ::-1].copy())):
    ours, theirs = Image(), bridge.cv2_to_imgmsg(pixels, encoding)
    fill_image(ours, rgb, encoding)
    equal["fill " + encoding] = ours == theirs
jpeg = CompressedImage()
fill_compressed_image(jpeg, rgb)
theirs = bridge.compressed_imgmsg_to_cv2(jpeg, "rgb8")
equal["jpeg"] = np.array_equal(compressed_to_rgb(jpeg), theirs)
png = bridge.cv2_to_compressed_imgmsg(data[:100].reshape(10, 10), "png")
png.format = "bayer_grbg8; png compressed "
raw = bridge.cv2_to_imgmsg(data[:100].reshape(10, 10), "bayer_grbg8")
equal["mosaic"] = np.array_equal(compressed_to_rgb(png), bridge.imgmsg_to_cv2(raw, "rgb8"))
print(json.dumps(equal))
"""


def test_images_are_read_and_written_as_cv_bridge_does(ros2):
    done = ros2.python(COMPARE)
    assert done.returncode == 0, done.stderr
    equal = json.loads(done.stdout.splitlines()[-1])
    if "missing" in equal:
        pytest.skip(f"cv_bridge is not there: {equal['missing']}")
    assert len(equal) == 44
    assert all(equal.values()), equal
