# SPDX-License-Identifier: Apache-2.0
"""Every message type with a robot's numbers: read and filled by fields, on real classes."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.bags.messages import Messages
from pam_ros.bags.types import known_types
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.robot import COMMAND_TYPES, STATE_TYPES, Command, JointContract, MessageError
from pam_ros.robot.joints import message_values, to_policy, to_rad
from pam_ros.robot.values.kinds import KINDS, UNITS
from pam_ros.robot.values.registry import VALUE_TYPES
from pam_ros.robot.values.spatial import POSE_COMMAND, quaternion, roll_pitch_yaw, short_field

PORTS = {"ros": RosMessages(), "rosbags": Messages()}


def joints(*fields):
    return [JointContract(field, field=field, unit="none") for field in fields]


def values(kind, message, *fields):
    return message_values(kind, [message], joints(*fields)).tolist()


@pytest.mark.parametrize("port", PORTS)
def test_odometry_is_read_by_fields(port):
    kind = "nav_msgs/msg/Odometry"
    message = PORTS[port].new(kind)
    message.pose.pose.position.x, message.twist.twist.linear.x = 1.5, -0.25
    message.twist.twist.angular.z = 0.75
    turned = message.pose.pose.orientation
    turned.z, turned.w = math.sin(0.25), math.cos(0.25)
    read = values(kind, message, "position.x", "linear.x", "angular.z", "rpy.yaw")
    assert read == pytest.approx([1.5, -0.25, 0.75, 0.5])


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    ("kind", "root", "field", "path"),
    [
        ("geometry_msgs/msg/Pose", "", "position.z", "position.z"),
        ("geometry_msgs/msg/PoseStamped", "pose.", "orientation.w", "orientation.w"),
        ("geometry_msgs/msg/Twist", "", "linear.y", "linear.y"),
        ("geometry_msgs/msg/TwistStamped", "twist.", "angular.x", "angular.x"),
        ("geometry_msgs/msg/WrenchStamped", "wrench.", "force.z", "force.z"),
        ("geometry_msgs/msg/WrenchStamped", "wrench.", "torque.y", "torque.y"),
    ],
)
def test_a_field_is_read_where_it_is(port, kind, root, field, path):
    message = PORTS[port].new(kind)
    *steps, last = f"{root}{path}".split(".")
    holder = message
    for step in steps:
        holder = getattr(holder, step)
    setattr(holder, last, 0.625)
    assert values(kind, message, field) == [0.625]


def test_an_array_is_read_by_place_and_one_that_is_too_short_is_refused():
    kind = "std_msgs/msg/Float64MultiArray"
    message = SimpleNamespace(data=[1.0, 2.0, 3.0])
    assert values(kind, message, "data[2]", "data[0]") == [3.0, 1.0]
    with pytest.raises(MessageError, match=r"has 3 numbers; the contract reads data\[3\]"):
        values(kind, message, "data[3]")


def test_what_is_no_number_is_refused_whatever_the_type():
    message = RosMessages().new("geometry_msgs/msg/Twist")
    message.linear.x = math.nan
    with pytest.raises(MessageError, match=r"no finite position for 'linear.x'"):
        values("geometry_msgs/msg/Twist", message, "linear.x")
    pose = PORTS["rosbags"].new("geometry_msgs/msg/Pose")
    with pytest.raises(MessageError, match="quaternion of length 0"):
        values("geometry_msgs/msg/Pose", pose, "rpy.roll")


@pytest.mark.parametrize("field", ["position", "velocity", "effort"])
def test_a_joint_state_is_read_by_what_is_asked_for(field):
    message = SimpleNamespace(
        name=["a", "b"], position=[1.0, 2.0], velocity=[3.0, 4.0], effort=[5.0, 6.0]
    )
    wanted = [JointContract("b", field=field, kind=field)]
    expected = {"position": 2.0, "velocity": 4.0, "effort": 6.0}[field]
    assert message_values("sensor_msgs/msg/JointState", [message], wanted).tolist() == [expected]


def test_a_driver_that_measures_no_velocity_is_said_to():
    message = SimpleNamespace(name=["a"], position=[1.0], velocity=[], effort=[])
    wanted = [JointContract("a", field="velocity", kind="velocity")]
    with pytest.raises(MessageError, match="1 names and 0 velocities; it must have one velocity"):
        message_values("sensor_msgs/msg/JointState", [message], wanted)


def fields_of(kind):
    known = VALUE_TYPES[kind]
    if known.named:
        return [("pan", field) for field in known.fields][:1] * 1
    plain = ["data[0]", "data[1]"] if "data[]" in known.fields else list(known.fields)
    if any(field.startswith("rpy.") for field in plain):
        plain = [field for field in plain if not field.startswith("orientation.")]
    return [(field, field) for field in plain]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("kind", set(STATE_TYPES))
def test_what_is_filled_in_is_what_is_read(kind, port):
    addresses = fields_of(kind)
    given = np.linspace(-0.7, 0.9, len(addresses))
    names, fields = zip(*addresses, strict=True)
    message = PORTS[port].new(kind)
    VALUE_TYPES[kind].fill(message, Command(names, given, fields=fields), PORTS[port].new)
    wanted = [JointContract(name, field=field) for name, field in addresses]
    np.testing.assert_allclose(message_values(kind, [message], wanted), given, atol=1e-12)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("kind", COMMAND_TYPES)
def test_a_command_is_plotted_where_it_is(kind, port):
    known = COMMAND_TYPES[kind]
    addresses = [pair for pair in fields_of(kind) if not pair[1].startswith("rpy.")]
    names, fields = zip(*addresses, strict=True)
    given = np.linspace(0.1, 0.9, len(addresses))
    message = PORTS[port].new(kind)
    known.fill(message, Command(names, given, fields=fields), PORTS[port].new)
    for place, field in enumerate(fields):
        assert eval(f"message.{known.plot(field, place)}", {"message": message}) == given[place]
    points = known.points(message)
    shown = dict(zip(points.names or fields, points.rows[0], strict=True))
    assert all(shown[key] == value for key, value in zip(
        names if known.named else fields, given.tolist(), strict=True))  # fmt: skip


def test_twists_are_stamped_and_framed_where_there_is_a_header():
    command = Command(("linear.x",), np.array([0.5]), 7_000_000_002, 0.1, ("linear.x",), "base")
    message = RosMessages().new("geometry_msgs/msg/TwistStamped")
    VALUE_TYPES["geometry_msgs/msg/TwistStamped"].fill(message, command, RosMessages().new)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 2)
    assert message.header.frame_id == "base"
    assert (message.twist.linear.x, message.twist.linear.y) == (0.5, 0.0)


angle = st.floats(-3.1, 3.1)


@given(angle, st.floats(-1.5, 1.5), angle)
def test_angles_turn_about_fixed_axes_in_turn_and_come_back(roll, pitch, yaw):
    def about(axis, turn):
        matrix, (one, two) = np.eye(3), [k for k in range(3) if k != axis]
        cos, sin = math.cos(turn), math.sin(turn) * (-1 if axis == 1 else 1)
        matrix[[one, one, two, two], [one, two, one, two]] = cos, -sin, sin, cos
        return matrix

    x, y, z, w = quaternion(roll, pitch, yaw)
    for vector in np.eye(3):
        axis = np.array([x, y, z])
        twice = 2 * np.cross(axis, vector)
        turned = vector + w * twice + np.cross(axis, twice)
        expected = about(2, yaw) @ about(1, pitch) @ about(0, roll) @ vector
        np.testing.assert_allclose(turned, expected, atol=1e-9)
    again = roll_pitch_yaw(3 * x, 3 * y, 3 * z, 3 * w)
    np.testing.assert_allclose(again, [roll, pitch, yaw], atol=1e-6)


def test_every_type_is_known_to_recordings_and_to_the_runtime():
    for name in VALUE_TYPES:
        assert name in known_types().fielddefs
        assert RosMessages().new(name) is not None


# As `ros2 topic info -v` and the files of a built ROS 2 Jazzy tell them.
HASHES = {
    "sensor_msgs/msg/JointState":
        "a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e",
    "trajectory_msgs/msg/JointTrajectory":
        "179b33eba59d676f6d967ac71fe35e7ca2f64b2f3928f4a018cec115e213796e",
    "std_msgs/msg/Float64MultiArray":
        "1025ddc6b9552d191f89ef1a8d2f60f3d373e28b283d8891ddcc974e8c55397f",
    "nav_msgs/msg/Odometry":
        "3cc97dc7fb7502f8714462c526d369e35b603cfc34d946e3f2eda2766dfec6e0",
    "geometry_msgs/msg/Pose":
        "d501954e9476cea2996984e812054b68026ae0bfae789d9a10b23daf35cc90fa",
    "geometry_msgs/msg/PoseStamped":
        "10f3786d7d40fd2b54367835614bff85d4ad3b5dab62bf8bca0cc232d73b4cd8",
    "geometry_msgs/msg/Twist":
        "9c45bf16fe0983d80e3cfe750d6835843d265a9a6c46bd2e609fcddde6fb8d2a",
    "geometry_msgs/msg/TwistStamped":
        "5f0fcd4f81d5d06ad9b4c4c63e3ea51b82d6ae4d0558f1d475229b1121db6f64",
    "geometry_msgs/msg/WrenchStamped":
        "8dc3deaf06b2ab281f9f9a742a8961c328ca7cec16e3fd6586d3a5c83fa78f77",
}  # fmt: skip


def test_every_type_has_the_hash_that_ros_2_gives_it():
    assert set(HASHES) == set(VALUE_TYPES)
    for name, digits in HASHES.items():
        assert known_types().hash_rihs01(name) == f"RIHS01_{digits}"


def test_every_unit_is_one_of_a_kind_and_every_field_of_a_known_kind():
    assert {unit for kind in KINDS.values() for unit in kind.units} == set(UNITS)
    for known in VALUE_TYPES.values():
        for field in known.fields.values():
            assert set(field.units) <= set(field.kind.units)
    assert set(POSE_COMMAND) <= set(VALUE_TYPES["geometry_msgs/msg/PoseStamped"].fields)


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit != "percent"])
def test_a_unit_is_what_its_name_says(unit):
    expected = 180 / math.pi if unit.startswith("deg") else 1.0
    joint = JointContract("a", unit=unit, scale=-2.0, offset=3.0)
    assert to_policy(np.array([1.5]), [joint]) == pytest.approx(-2.0 * 1.5 * expected + 3.0)
    assert to_rad(to_policy(np.array([1.5]), [joint]), [joint]) == pytest.approx(1.5)
    assert joint.message_unit == {"deg": "rad", "deg/s": "rad/s", "none": ""}.get(unit, unit)


def test_a_field_may_be_written_as_it_stands_in_the_message():
    assert short_field("twist.twist.linear.x") == "linear.x"
    assert short_field("pose.pose.position.y") == "position.y"
    assert short_field("wrench.force.z") == "force.z"
    assert short_field("linear.x") == "linear.x"
