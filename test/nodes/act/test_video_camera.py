# SPDX-License-Identifier: Apache-2.0
"""The attention node with a camera that hangs upside down and sends H.264, over topics."""

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from sensor_msgs.msg import Image, JointState

sys.path.insert(0, str(Path(__file__).parents[2] / "robot"))
from video_packets import encode, reference

from pam_ros.msg import AttentionMap
from pam_ros.nodes.kit.messages import message_class
from pam_ros.robot.contract import FFMPEG_PACKET

ATTENTION, OVERLAY = "/act_attention/attention", "/act_attention/attention/top/image"
TOPIC = "/top/ffmpeg"


def test_maps_lie_on_the_decoded_pictures_as_they_were_sent(attention_robot, contract, tmp_path):
    pytest.importorskip("ffmpeg_image_transport_msgs.msg")
    document = yaml.safe_load(contract().read_text())
    (camera,) = document["cameras"]
    camera |= {"topic": TOPIC, "type": FFMPEG_PACKET, "rotate": 180}
    del camera["encoding"]
    file = tmp_path / "video.yaml"
    file.write_text(yaml.safe_dump(document))
    robot = attention_robot(contract=file, attention_method="rollout")
    maps, overlays = robot.listen(AttentionMap, ATTENTION), robot.listen(Image, OVERLAY)
    kind = message_class(FFMPEG_PACKET)
    publisher = robot.peer.create_publisher(kind, TOPIC, 20)
    robot.spin(wait=False)
    assert robot.wait(lambda: publisher.get_subscription_count() > 0)
    assert robot.wait(lambda: robot.joints.get_subscription_count() > 0)
    assert robot.wait(robot._heard)
    packets = encode(12, every=4)
    stamps = []
    # It comes into a stream that has long begun.
    for data, number in packets[2:]:
        before = len(maps)
        now = robot.peer.get_clock().now()
        packet = kind(encoding="h264;yuv420p;bgr8;bgr8", pts=number, data=data)
        packet.header.stamp, packet.header.frame_id = now.to_msg(), "top_optical"
        joints = JointState(name=["pan", "lift"], position=[0.1, 0.2])
        joints.header.stamp = packet.header.stamp
        robot.joints.publish(joints)
        publisher.publish(packet)
        stamps.append(packet.header.stamp)
        if number >= 4:
            assert robot.wait(lambda: len(maps) > before)  # noqa: B023
    assert len(maps) == 8
    assert robot.wait(lambda: len(overlays) == 8)
    pictures = reference(packets)
    for number, found, overlay in zip(range(4, 12), maps, overlays, strict=True):
        (seen,) = found.cameras
        assert found.valid
        assert (seen.rotate, seen.header.stamp, seen.header.frame_id) == (
            180,
            stamps[number - 2],
            "top_optical",
        )
        # The policy's cells are 32 pixels apart, from the first pixel on; turned, from the last.
        assert (seen.x0, seen.y0, seen.dx, seen.dy) == (95 - 64, 63 - 32, 32, 32)
        drawn = np.frombuffer(overlay.data, np.uint8).reshape(64, 96, 3)
        # It lies on the picture as it was sent, not on the turned one.
        apart = np.abs(drawn.astype(int) - pictures[number]).mean()
        assert apart < np.abs(drawn.astype(int) - pictures[number][::-1, ::-1]).mean()
