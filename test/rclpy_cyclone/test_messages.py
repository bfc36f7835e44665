# SPDX-License-Identifier: Apache-2.0
"""Message classes as rosidl_python makes them."""

import array
import time

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, PoseWithCovariance, Quaternion
from rcl_interfaces.msg import Log, ParameterType
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Byte, Empty, Float32, Header, Int8, String, UInt8
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from pam_ros.msg import AttentionMap, CameraAttention


def test_defaults_are_zero_and_empty():
    image = Image()
    assert (image.height, image.encoding, image.data) == (0, "", array.array("B"))
    assert image.header == Header(stamp=Time(sec=0, nanosec=0), frame_id="")


def test_default_values_of_the_definition_are_used():
    assert Quaternion().w == 1.0
    assert Pose().orientation.w == 1.0
    assert Quaternion.W__DEFAULT == 1.0


def test_fixed_numeric_arrays_are_numpy_and_sequences_are_array():
    info = CameraInfo()
    assert info.k.dtype == np.float64
    assert info.k.shape == (9,)
    assert isinstance(info.d, array.array)
    assert PoseWithCovariance().covariance.shape == (36,)
    assert JointState(position=[1, 2]).position == array.array("d", [1.0, 2.0])


def test_unknown_fields_are_refused():
    with pytest.raises(AssertionError, match="Invalid arguments passed to constructor: colour"):
        Image(colour="red")


@pytest.mark.parametrize(
    ("make", "wrong", "text"),
    [
        (String, 5, "The 'data' field must be of type 'str'"),
        (Float32, 1, "The 'data' field must be of type 'float'"),
        (Bool, 1, "The 'data' field must be of type 'bool'"),
        (UInt8, 256, r"The 'data' field must be an unsigned integer in \[0, 255\]"),
        (Int8, -129, r"The 'data' field must be an integer in \[-128, 127\]"),
        (Int8, 1.0, "The 'data' field must be of type 'int'"),
        (Float32, 1e39, "The 'data' field must be a float in"),
        (Byte, b"ab", "with length 1"),
    ],
)
def test_wrong_values_are_refused_with_rosidl_wording(make, wrong, text):
    message = make()
    with pytest.raises(AssertionError, match=text):
        message.data = wrong


def test_wrong_sub_messages_and_sequences_are_refused():
    with pytest.raises(AssertionError, match="a sub message of type 'Header'"):
        Image().header = Time()
    with pytest.raises(AssertionError, match="each value of type 'str'"):
        JointState().name = [1]
    with pytest.raises(AssertionError, match="a set or sequence"):
        JointState().name = "abc"
    with pytest.raises(AssertionError, match="each value of type 'JointTrajectoryPoint'"):
        JointTrajectory().points = [1]
    with pytest.raises(AssertionError, match="type code of 'd'"):
        JointState().position = array.array("f", [1.0])
    with pytest.raises(AssertionError, match="size of 9"):
        CameraInfo().k = np.zeros(8)
    with pytest.raises(AssertionError, match=r"dtype of 'numpy\.float64'"):
        CameraInfo().k = np.zeros(9, np.float32)


def test_an_array_of_the_right_type_code_is_kept_as_it_is():
    data = array.array("B", b"abc")
    image = Image()
    image.data = data
    assert image.data is data


@pytest.mark.parametrize(
    "pixels",
    [bytes(921600), bytearray(921600), memoryview(bytes(921600))],
    ids=["bytes", "bytearray", "memoryview"],
)
def test_pixels_are_assigned(pixels):
    image = Image()
    image.data = pixels
    assert image.data == array.array("B", bytes(921600))


# Where rosidl_python checks, it checks one element after the other, and takes no NumPy array.
@pytest.mark.embedded_only
@pytest.mark.parametrize(
    "pixels",
    [bytes(921600), bytearray(921600), np.zeros(921600, np.uint8), memoryview(bytes(921600))],
    ids=["bytes", "bytearray", "numpy", "memoryview"],
)
def test_pixels_are_assigned_as_one_block(pixels):
    image = Image()
    start = time.thread_time()  # whatever else the machine does
    for _ in range(10):
        image.data = pixels
    # One element at a time would take some 50 ms each.
    assert (time.thread_time() - start) / 10 < 0.02


def test_checks_can_be_left_out():
    message = Float32(check_fields=False)
    message.data = 1
    assert message.data == 1


def test_equality_compares_every_field():
    assert CameraInfo() == CameraInfo()
    assert CameraInfo(width=3) != CameraInfo()
    assert CameraInfo(k=np.ones(9)) != CameraInfo()
    assert JointState(position=[1.0, 2.0]) != JointState(position=[1.0, 3.0])
    assert String(data="a") != Header(frame_id="a")


@pytest.mark.embedded_only  # rosidl_python compares these arrays with all(a != b)
def test_one_element_of_a_fixed_array_makes_a_difference():
    other = CameraInfo()
    other.k[4] = 1.0
    assert other != CameraInfo()


def test_repr_is_rosidl_pythons():
    assert repr(String(data="x")) == "std_msgs.msg.String(data='x')"
    assert repr(Time(sec=1)) == "builtin_interfaces.msg.Time(sec=1, nanosec=0)"
    assert "position=[1.0, 2.0], velocity=[]" in repr(JointState(position=[1.0, 2.0]))


def test_fields_and_types_are_worded_as_idl():
    assert JointState.get_fields_and_field_types() == {
        "header": "std_msgs/Header", "name": "sequence<string>", "position": "sequence<double>",
        "velocity": "sequence<double>", "effort": "sequence<double>",
    }  # fmt: skip
    assert CameraInfo.get_fields_and_field_types()["k"] == "double[9]"
    assert Empty.get_fields_and_field_types() == {}


def test_slot_types_describe_each_field():
    from rosidl_parser.definition import NamespacedType, UnboundedSequence

    header, names, *_ = JointState.SLOT_TYPES
    assert isinstance(header, NamespacedType)
    assert header.namespaced_name() == ("std_msgs", "msg", "Header")
    assert isinstance(names, UnboundedSequence)


def test_constants_have_their_types_and_cannot_be_changed():
    assert ParameterType.PARAMETER_DOUBLE == 3
    assert int.from_bytes(Log.WARN, "little") == 30 if isinstance(Log.WARN, bytes) else Log.WARN
    with pytest.raises(AttributeError):
        ParameterType.PARAMETER_DOUBLE = 4


def test_messages_do_not_take_other_attributes():
    with pytest.raises(AttributeError):
        String().text = "x"


def test_services_have_request_and_response_and_no_instances():
    assert SetBool.Request(data=True).data is True
    assert Trigger.Response().message == ""
    with pytest.raises(NotImplementedError):
        SetBool()


def test_messages_of_an_added_package_nest():
    message = AttentionMap(cameras=[CameraAttention(name="top", cells=[0.5, 0.25])])
    assert message.cameras[0].cells == array.array("f", [0.5, 0.25])
    assert AttentionMap.get_fields_and_field_types()["cameras"] == (
        "sequence<pam_ros/CameraAttention>"
    )
