# SPDX-License-Identifier: Apache-2.0
"""No picture asks for cv_bridge, so that one that is broken stops nothing."""

import importlib.machinery
import sys

import numpy as np
import pytest
from sensor_msgs.msg import Image

from pam_ros.robot import MessageError, image_to_rgb

# In image_encodings.hpp, and no order of colours: only a contract could say what it holds.
RARE = "8UC4"


def image(encoding, pixels):
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.step = pixels.strides[0]
    message.data = pixels.tobytes()
    return message


# cv_bridge as it is laid out, its compiled half built for NumPy 1. NumPy 2 prints a page when that
# half asks for its API; import_array(), which is compiled into it, prints a traceback and sets
# ImportError, which cv_bridge swallows, unless Boost.Python makes a SystemError of it.
CV_BRIDGE = {
    "__init__.py": """
from .core import CvBridge
try:
    from cv_bridge.boost.cv_bridge_boost import getCvType
except ImportError:
    pass
""",
    "core.py": """
class CvBridge:
    def encoding_to_cvtype2(self, encoding):
        from cv_bridge.boost.cv_bridge_boost import getCvType
        return getCvType(encoding)

    def imgmsg_to_cv2(self, message, encoding):
        self.encoding_to_cvtype2(message.encoding)
        raise AssertionError("the compiled half cannot have loaded")
""",
    "boost/__init__.py": "",
    "boost/cv_bridge_boost.py": """
import sys, traceback
from pathlib import Path
with Path(__file__).with_name("loads").open("a") as file:
    file.write("x")
try:
    raise AttributeError("_ARRAY_API not found")
except AttributeError:
    traceback.print_exc()
raise KIND("numpy.core.multiarray failed to import")
""",
}


@pytest.fixture(params=["ImportError", "SystemError"])
def broken_bridge(request, monkeypatch, tmp_path):
    """A cv_bridge compiled for another NumPy; counts how often its compiled half was loaded."""
    package = tmp_path / "cv_bridge"
    (package / "boost").mkdir(parents=True)
    for name, text in CV_BRIDGE.items():
        (package / name).write_text(text.replace("KIND", request.param))

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] != "cv_bridge":
                return None
            return importlib.machinery.PathFinder.find_spec(name, path or [str(tmp_path)])

    for name in [name for name in sys.modules if name.partition(".")[0] == "cv_bridge"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    loads = package / "boost" / "loads"
    yield lambda: len(loads.read_text()) if loads.exists() else 0
    for name in [name for name in sys.modules if name.partition(".")[0] == "cv_bridge"]:
        del sys.modules[name]


def test_a_common_encoding_is_read_where_cv_bridge_is_broken(broken_bridge):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(image_to_rgb(image("bgr8", pixels)), pixels[..., ::-1])
    assert broken_bridge() == 0


def test_a_bayer_picture_comes_out_in_its_colours_without_cv_bridge(broken_bridge):
    red = np.zeros((8, 8), np.uint8)
    red[::2, ::2] = 200  # rggb: red in the even rows and columns
    picture = image_to_rgb(image("bayer_rggb8", red))
    np.testing.assert_array_equal(picture[2:-2, 2:-2, 0], 200)
    assert not picture[..., 1:].any()
    assert broken_bridge() == 0


def test_a_rare_encoding_is_a_bad_message_and_no_more(broken_bridge):
    rare = image(RARE, np.zeros((4, 4, 4), np.uint8))
    for _ in range(3):
        with pytest.raises(MessageError, match=f"'{RARE}' is not read; publish one of rgb8"):
            image_to_rgb(rare)
    # NumPy would print a page at every attempt.
    assert broken_bridge() == 0


def test_the_node_goes_on_where_cv_bridge_is_broken(broken_bridge, attention_robot):
    from pam_ros.msg import AttentionMap

    robot = attention_robot({"encoding": "null"})
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    health = robot.node.ticks.health
    assert robot.wait(lambda: robot.observe(encoding=RARE) and health.bad_messages["tick"])
    assert f"'{RARE}' is not read" in health.last_bad
    assert robot.wait(lambda: robot.observe() and any(each.valid for each in maps))
    assert broken_bridge() == 0
