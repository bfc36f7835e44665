# SPDX-License-Identifier: Apache-2.0
"""The node displays: what RViz shows in space, for whoever looks, from messages of any kind."""

import threading

import numpy as np
import pytest
from displays_looker import ATTENTION, named, points
from rclpy.executors import MultiThreadedExecutor
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker

from pam_ros.msg import AttentionMap, CameraAttention
from pam_ros.nodes.demo.robot_frames import LATCHED, RobotFrames
from pam_ros.nodes.displays import heat
from pam_ros.nodes.displays.node import THREADS
from pam_ros.robot.frames import FrameTree
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.pinhole import pinhole_of_fovy
from pam_ros.robot.rotations import inverse
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES
from pam_ros.sim.urdf import BASE, optical_frame, urdf_of

ROWS, COLS = 6, 8


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
