# SPDX-License-Identifier: Apache-2.0
"""Known encodings need no cv_bridge, others have it, and one that is broken stops nothing."""

import importlib.machinery
import importlib.util
import sys

import numpy as np
import pytest
from sensor_msgs.msg import Image

from pam_ros.nodes.act import image_conversion
from pam_ros.nodes.act.image_conversion import to_rgb
from pam_ros.robot import MessageError

# In image_encodings.hpp, and not read by robot/images.
RARE = "nv24"

needs_cv_bridge = pytest.mark.skipif(
    importlib.util.find_spec("cv_bridge") is None, reason="this ROS 2 has no cv_bridge"
)


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
    image_conversion._bridge.cache_clear()
    loads = package / "boost" / "loads"
    yield lambda: len(loads.read_text()) if loads.exists() else 0
    image_conversion._bridge.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "cv_bridge"]:
        del sys.modules[name]


def test_a_common_encoding_is_read_where_cv_bridge_is_broken(broken_bridge):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(to_rgb(image("bgr8", pixels)), pixels[..., ::-1])


def test_a_bayer_picture_comes_out_in_its_colours_without_cv_bridge(broken_bridge):
    red = np.zeros((8, 8), np.uint8)
    red[::2, ::2] = 200  # rggb: red in the even rows and columns
    picture = to_rgb(image("bayer_rggb8", red))
    np.testing.assert_array_equal(picture[2:-2, 2:-2, 0], 200)
    assert not picture[..., 1:].any()
    assert broken_bridge() == 0


def test_a_depth_picture_is_refused_before_cv_bridge_is_asked(broken_bridge):
    with pytest.raises(MessageError, match="'16UC1' is of depth or other measurements"):
        to_rgb(image("16UC1", np.zeros((4, 4), np.uint16)))
    assert broken_bridge() == 0


def test_a_rare_encoding_is_what_cv_bridge_makes_of_it(monkeypatch):
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)

    class Bridge:
        def imgmsg_to_cv2(self, message, encoding):
            assert (message.encoding, encoding) == (RARE, "rgb8")
            return picture

    monkeypatch.setattr(image_conversion, "_bridge", Bridge)
    np.testing.assert_array_equal(to_rgb(image(RARE, np.zeros((4, 6), np.uint8))), picture)


def test_a_rare_encoding_without_cv_bridge_is_a_bad_message_and_no_more(broken_bridge, caplog):
    rare = image(RARE, np.zeros((4, 4), np.uint8))
    for _ in range(3):
        with pytest.raises(MessageError, match=RARE):
            to_rgb(rare)
    # Said once and tried at one picture alone: NumPy prints a page at every attempt.
    (record,) = caplog.records
    assert "cv_bridge does not load (numpy.core.multiarray failed to import)" in record.message
    assert broken_bridge() <= 2


def test_the_node_goes_on_where_cv_bridge_is_broken(broken_bridge, attention_robot):
    from pam_ros.msg import AttentionMap

    robot = attention_robot({"encoding": "null"})
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    robot.observe(encoding=RARE)
    assert robot.wait(lambda: broken_bridge() > 0)
    assert robot.wait(lambda: robot.observe() and any(each.valid for each in maps))


@pytest.mark.parametrize("encoding", ["nonsense", "32FC7", ""])
def test_an_unknown_encoding_is_a_bad_message(encoding):
    with pytest.raises(MessageError):
        to_rgb(image(encoding, np.zeros((4, 4), np.uint8)))


@needs_cv_bridge
def test_truncated_data_never_reach_cv_bridge():
    message = image(RARE, np.zeros((4, 4), np.uint8))
    message.data = message.data[:10]
    with pytest.raises(MessageError, match="10 bytes"):
        to_rgb(message)


def test_another_encoding_than_the_contracts_is_refused():
    with pytest.raises(MessageError, match="rgb8"):
        to_rgb(image("bayer_rggb8", np.zeros((4, 4), np.uint8)), "rgb8")
