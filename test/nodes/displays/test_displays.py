# SPDX-License-Identifier: Apache-2.0
"""The node displays: what RViz shows in space, for whoever looks, from messages of any kind."""

import threading
import time

import numpy as np
import pytest
import rclpy
from rcl_interfaces.msg import Log
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from visualization_msgs.msg import Marker, MarkerArray

from pam_ros.msg import AttentionMap, CameraAttention
from pam_ros.nodes.demo.robot_frames import LATCHED, RobotFrames
from pam_ros.nodes.displays import heat
from pam_ros.nodes.displays.node import THREADS, DisplaysNode
from pam_ros.robot.frames import FrameTree
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.pinhole import pinhole_of_fovy
from pam_ros.robot.rotations import inverse
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES, Scene
from pam_ros.sim.urdf import BASE, TIP, optical_frame, urdf_of

ROWS, COLS = 6, 8
ATTENTION, CHUNK = "/act_attention/attention", "/act_attention/predicted_chunk"

OTHER_ROBOT = (
    '<robot><link name="a"/><link name="b"/><joint name="wheel" type="continuous">'
    '<parent link="a"/><child link="b"/></joint></robot>'
)


class Looker:
    """The node, and a peer that is the robot, the attention node and RViz."""

    def __init__(self, *arguments):
        rclpy.init(args=["--ros-args", "-p", "contract:=demo_arm", *arguments])
        self.node, self.peer = DisplaysNode(), rclpy.create_node("peer")
        self.scene = Scene()
        self.executor = SingleThreadedExecutor()
        for each in (self.node, self.peer):
            self.executor.add_node(each)
        self.maps = self.peer.create_publisher(AttentionMap, ATTENTION, 10)
        self.chunks = self.peer.create_publisher(JointTrajectory, CHUNK, 10)
        self.said = []
        self.peer.create_subscription(Log, "/rosout", self.said.append, 100)

    def until(self, condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            self.executor.spin_once(timeout_sec=0.05)

    def look(self, topic):
        """What comes on a topic of markers, and its subscription, once the node listens for it."""
        before, found = len(self.listens()), []
        subscription = self.peer.create_subscription(MarkerArray, topic, found.append, 10)
        self.until(lambda: len(self.listens()) > before)
        return found, subscription

    def listens(self):
        """Topics that the node subscribes to."""
        own = {each.topic_name for each in self.node.subscriptions}
        return own - {"/parameter_events", "/clock"}

    def send(self, publisher, message, answer):
        """Publish until something is added to a list, and return it."""
        before = len(answer)
        self.until(lambda: publisher.get_subscription_count() > 0)

        def came():
            publisher.publish(message)
            return len(answer) > before

        self.until(came)
        return answer[-1]

    def warnings(self):
        return [one.msg for one in self.said if one.name == "displays" and one.level >= 30]

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        self.peer.destroy_node()
        self.scene.close()
        rclpy.try_shutdown()


@pytest.fixture
def looker(domain):
    opened = []

    def start(*arguments):
        opened.append(Looker(*arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def attention_map(stamp, **heat):
    """A map of both cameras with heat in cells of the top one: c2_3=0.5 and so on."""
    message = AttentionMap(valid=True, method="contribution", layer="all")
    for name in CAMERA_NAMES:
        cells = np.full((ROWS, COLS), 1e-4, np.float32)
        for key, value in heat.items() if name == "top" else ():
            row, col = map(int, key[1:].split("_"))
            cells[row, col] = value
        camera = CameraAttention(name=name, image_height=240, image_width=320, rows=ROWS, cols=COLS)
        camera.x0 = camera.y0 = 19.5
        camera.dx = camera.dy = 40.0
        camera.cells = cells.ravel().tolist()
        camera.header.stamp = stamp
        camera.header.frame_id = optical_frame(name)
        message.cameras.append(camera)
    message.header.stamp = stamp
    return message


def named(message, name):
    (found,) = (one for one in message.markers if one.ns == name)
    return found


def points(marker):
    return np.array([(p.x, p.y, p.z) for p in marker.points])


def test_nothing_is_listened_to_until_somebody_looks_and_nothing_afterwards(looker):
    robot = looker()
    frames = RobotFrames(robot.peer, robot.scene)
    assert robot.listens() == set()
    found, subscription = robot.look("/displays/heat")
    assert robot.listens() == {
        ATTENTION, "/tf", "/tf_static", "/top/camera_info", "/wrist/camera_info"
    }  # fmt: skip
    assert robot.chunks.get_subscription_count() == 0  # so that no chunk is made for it
    stamp = robot.peer.get_clock().now().to_msg()
    robot.until(lambda: robot.peer.count_subscribers("/tf_static") > 0)

    def came():
        frames.publish(stamp, robot.scene.joint_positions)
        robot.maps.publish(attention_map(stamp, c2_3=0.5))
        return found

    robot.until(came)
    robot.peer.destroy_subscription(subscription)
    robot.until(lambda: not robot.listens())
    robot.until(lambda: robot.maps.get_subscription_count() == 0)


def test_transforms_are_taken_while_heat_is_drawn(looker, monkeypatch):
    """A slow machine draws fewer maps; they are not in the places of long ago."""
    robot = looker()
    frames = RobotFrames(robot.peer, robot.scene)
    drawing, go = threading.Event(), threading.Event()
    draw = heat.heat_on_surface

    def slowly(*given, **named):
        drawing.set()
        assert go.wait(60)
        return draw(*given, **named)

    monkeypatch.setattr(heat, "heat_on_surface", slowly)
    robot.executor.remove_node(robot.node)
    own = MultiThreadedExecutor(num_threads=THREADS)
    own.add_node(robot.node)
    spinning = threading.Thread(target=own.spin)
    spinning.start()
    try:
        found, _ = robot.look("/displays/heat")
        stamp = robot.peer.get_clock().now().to_msg()

        def move():
            frames.publish(stamp, robot.scene.joint_positions)
            robot.maps.publish(attention_map(stamp, c2_3=0.5))
            return drawing.is_set()

        robot.until(move)
        stamp.sec += 7
        later = stamp_nanoseconds(stamp)

        def known():
            frames.publish(stamp, robot.scene.joint_positions)
            return newest(robot.node._heat._frames) == later

        def newest(tree):
            return max(f.moments[-1][0] for f in tree._frames.values() if not f.static)

        robot.until(known)
        assert found == []
        go.set()
        robot.until(lambda: found)
    finally:
        go.set()
        own.shutdown()
        spinning.join()


def test_heat_of_a_cell_is_seen_there_by_the_camera_of_the_demo(looker):
    robot = looker()
    frames = RobotFrames(robot.peer, robot.scene)
    found, _ = robot.look("/displays/heat")
    stamp = robot.peer.get_clock().now().to_msg()

    def came():
        frames.publish(stamp, robot.scene.joint_positions)
        robot.maps.publish(attention_map(stamp, c2_3=0.5))
        return any(len(one.markers) == 4 for one in found)  # heat and rays of both cameras

    robot.until(came)
    surface, rays = (named(found[-1], f"top/{name}") for name in ("heat", "rays"))
    assert surface.type == Marker.TRIANGLE_LIST
    assert surface.header.frame_id == BASE
    assert surface.header.stamp == stamp
    assert len(surface.points) == len(surface.colors)
    assert surface.color.a == 1.0  # RViz multiplies the triangles' opacity by it
    assert 0 < surface.lifetime.sec < 10
    text = urdf_of(robot.scene.model, CAMERA_NAMES)
    joints = dict(zip(JOINT_NAMES, robot.scene.joint_positions, strict=True))
    pose = inverse(read_tree(text).poses(joints)[optical_frame("top")])
    camera = pinhole_of_fovy(320, 240, robot.scene.fovy("top"))
    pixels = camera.project(points(surface) @ pose[:3, :3].T + pose[:3, 3])
    alpha = np.array([c.a for c in surface.colors])
    middle = (19.5 + 3 * 40, 19.5 + 2 * 40)
    hottest = pixels[alpha == alpha.max()]
    np.testing.assert_allclose(hottest, np.broadcast_to(middle, hottest.shape), atol=1e-3)
    assert np.abs(pixels - middle).max() < 40.001
    eye, hit = points(rays)
    np.testing.assert_allclose(pose[:3, :3] @ eye + pose[:3, 3], 0, atol=1e-6)
    np.testing.assert_allclose(
        camera.project([pose[:3, :3] @ hit + pose[:3, 3]])[0], middle, atol=1e-3
    )
    # A camera without heat has its earlier heat taken away.
    assert named(found[-1], "wrist/rays").action == Marker.DELETE


def test_without_calibration_or_frames_there_is_one_sentence_and_no_heat(looker):
    robot = looker()
    found, _ = robot.look("/displays/heat")
    stamp = robot.peer.get_clock().now().to_msg()
    robot.until(lambda: robot.maps.get_subscription_count() > 0)
    for _ in range(3):
        robot.maps.publish(attention_map(stamp, c2_3=0.5))
    robot.until(lambda: len(robot.warnings()) >= 2)
    for _ in range(5):
        robot.executor.spin_once(timeout_sec=0.05)
    sentences = robot.warnings()
    assert [s.partition(":")[0] for s in sentences] == [
        f"no heat of camera {name} in space" for name in CAMERA_NAMES
    ]
    assert "nothing came on /top/camera_info" in sentences[0]
    assert found == []


def test_maps_that_are_none_end_nothing(looker):
    robot = looker()
    frames = RobotFrames(robot.peer, robot.scene)
    found, _ = robot.look("/displays/heat")
    robot.until(lambda: robot.maps.get_subscription_count() > 0)
    stamp = robot.peer.get_clock().now().to_msg()
    short, endless, flat, stranger = (attention_map(stamp, c1_1=0.5) for _ in range(4))
    short.cameras[0].cells = [0.1]
    endless.cameras[0].cells = [float("inf")] * (ROWS * COLS)
    flat.cameras[0].dx = 0.0
    stranger.cameras[0].name = "nobody"
    good = attention_map(stamp, c2_3=0.5)

    def said(sentence):
        frames.publish(stamp, robot.scene.joint_positions)
        return any(sentence in each for each in robot.warnings())

    for message, sentence in (
        (short, "no heat: a map cannot be drawn"),
        (endless, "has a cell that is not finite"),
        (flat, "its map has no extent"),
        (stranger, "no heat of camera nobody in space: the contract has no such camera"),
    ):
        robot.until(lambda: robot.maps.publish(message) or said(sentence))  # noqa: B023
    robot.maps.publish(AttentionMap(valid=True))
    found.clear()

    def came():
        frames.publish(stamp, robot.scene.joint_positions)
        robot.maps.publish(good)
        surfaces = [one for each in found for one in each.markers if one.ns == "top/heat"]
        # At full heat: what was not finite left nothing in the scale.
        return any(c.a > 0.8 for one in surfaces for c in one.colors)

    robot.until(came)


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


def test_cameras_are_drawn_in_their_own_frames(looker):
    robot = looker()
    frames = RobotFrames(robot.peer, robot.scene)
    found, _ = robot.look("/displays/cameras")
    assert robot.listens() == {"/top/camera_info", "/wrist/camera_info"}

    def came():
        frames.publish(robot.peer.get_clock().now().to_msg(), robot.scene.joint_positions)
        return any(len(one.markers) == 4 for one in found)

    robot.until(came)
    lines = [one for one in found[-1].markers if one.type == Marker.LINE_LIST]
    assert [one.header.frame_id for one in lines] == [optical_frame(n) for n in CAMERA_NAMES]
    for one in lines:
        assert one.frame_locked
        assert points(one)[:, 2].max() == pytest.approx(0.1)


def test_the_demo_s_frames_are_one_tree_below_base_link(looker):
    robot = looker()
    frames, tree = RobotFrames(robot.peer, robot.scene), FrameTree()
    heard = []

    def take(message, static):
        tree.take(message.transforms, static=static)
        heard.append(static)

    listener = robot.node  # any node
    listener.create_subscription(TFMessage, "/tf", lambda m: take(m, False), 10)
    listener.create_subscription(TFMessage, "/tf_static", lambda m: take(m, True), LATCHED)
    texts = []
    listener.create_subscription(String, "/robot_description", texts.append, LATCHED)
    stamp = robot.peer.get_clock().now()

    def came():
        frames.publish(stamp.to_msg(), robot.scene.joint_positions)
        return {True, False} <= set(heard) and texts

    robot.until(came)
    described = read_tree(texts[0].data)
    joints = dict(zip(JOINT_NAMES, robot.scene.joint_positions, strict=True))
    for link, pose in described.poses(joints).items():
        there = tree.between(BASE, link, stamp.nanoseconds)
        np.testing.assert_allclose(there, pose, atol=1e-6)


def test_a_node_without_a_contract_says_so(run_node):
    status, said = run_node("displays")
    assert status == 1
    assert said.endswith(
        "pam_ros: parameter 'contract' is not set: name one with -p contract:=...\n"
    )
