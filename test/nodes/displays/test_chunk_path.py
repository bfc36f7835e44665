# SPDX-License-Identifier: Apache-2.0
"""`~/chunk_path`: where the predicted chunk takes the gripper, from messages of any kind."""

import numpy as np
import pytest
from displays_looker import points
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from visualization_msgs.msg import Marker

from pam_ros.nodes.demo.robot_frames import LATCHED, RobotFrames
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES
from pam_ros.sim.urdf import BASE, TIP, urdf_of

OTHER_ROBOT = (
    '<robot><link name="a"/><link name="b"/><joint name="wheel" type="continuous">'
    '<parent link="a"/><child link="b"/></joint></robot>'
)


def chunk(stamp, positions, names=JOINT_NAMES):
    message = JointTrajectory(joint_names=list(names))
    message.header.stamp = stamp
    for row in positions:
        message.points.append(JointTrajectoryPoint(positions=[float(value) for value in row]))
    return message


def test_the_chunk_is_the_path_of_the_finger_tips_as_mujoco_moves_them(looker):
    robot = looker()
    RobotFrames(robot.peer, robot.scene)
    found, _ = robot.look("/displays/chunk_path")
    stamp = robot.peer.get_clock().now().to_msg()
    rng = np.random.default_rng(0)
    ranges = robot.scene.model.jnt_range
    positions = rng.uniform(ranges[:, 0], ranges[:, 1], (10, 6))
    answer = robot.send(robot.chunks, chunk(stamp, positions), found)
    line = next(one for one in answer.markers if one.type == Marker.LINE_STRIP)
    assert (line.ns, line.header.frame_id, line.header.stamp) == (TIP, BASE, stamp)
    expected = []
    for row in positions:
        placement = robot.scene.data
        placement.qpos[:6] = row
        robot.scene.hide_cube()  # computes where everything is
        expected.append(robot.scene.tip)
    np.testing.assert_allclose(points(line), expected, atol=1e-6)
    end = next(one for one in answer.markers if one.type == Marker.SPHERE_LIST)
    np.testing.assert_allclose(points(end)[0], expected[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("this is no XML", "is no XML"),
        ("<robot name='r'>" + "x" * 20_000_000, "larger than 20 MB"),
        (OTHER_ROBOT, "no joint that the contract commands to positions"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><robot/>', "declares entities"),
    ],
)  # fmt: skip
def test_a_hostile_description_is_one_sentence_and_a_good_one_after_it_is_taken(
    looker, description, sentence
):
    robot = looker()
    descriptions = robot.peer.create_publisher(String, "/robot_description", LATCHED)
    descriptions.publish(String(data=description))
    found, _ = robot.look("/displays/chunk_path")
    robot.until(robot.warnings, 120.0)
    robot.until(lambda: robot.chunks.get_subscription_count() > 0)
    stamp = robot.peer.get_clock().now().to_msg()
    for _ in range(3):
        robot.chunks.publish(chunk(stamp, np.zeros((2, 6))))
        robot.executor.spin_once(timeout_sec=0.05)
    (only,) = robot.warnings()
    assert only.startswith("no predicted chunk in space: ")
    assert sentence in only
    assert found == []
    descriptions.publish(String(data=urdf_of(robot.scene.model, CAMERA_NAMES)))
    assert robot.send(robot.chunks, chunk(stamp, np.zeros((2, 6))), found).markers


def test_chunks_that_are_none_end_nothing(looker):
    robot = looker()
    RobotFrames(robot.peer, robot.scene)
    found, _ = robot.look("/displays/chunk_path")
    stamp = robot.peer.get_clock().now().to_msg()
    robot.until(lambda: robot.chunks.get_subscription_count() > 0)
    robot.send(robot.chunks, chunk(stamp, np.zeros((2, 6))), found)
    robot.chunks.publish(chunk(stamp, np.zeros((2, 6)), ["nobody"] * 6))
    robot.chunks.publish(chunk(stamp, np.zeros((2, 3))))
    robot.chunks.publish(chunk(stamp, []))
    robot.chunks.publish(chunk(stamp, np.full((2, 6), np.nan)))
    robot.until(lambda: len(robot.warnings()) >= 2)
    assert robot.send(robot.chunks, chunk(stamp, np.zeros((1, 6))), found).markers
