# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of overlays are counted: over cameras, the strip of words, raw and compressed."""

from __future__ import annotations

import time

import pytest
import rclpy
from bimanual import write_contract
from sensor_msgs.msg import CompressedImage, Image

from pam_ros.nodes.act.overlay_publisher import OverlayPublisher
from pam_ros.robot import load_contract
from pam_ros.robot.topics import WORDS_IMAGE

SUBSCRIBED = (
    (Image, "~/attention/top/image"),
    (Image, "~/attention/top/image"),
    (CompressedImage, "~/attention/top/image/compressed"),
    (Image, "~/attention/left_wrist/image"),
    (CompressedImage, "~/words/image/compressed"),
)


@pytest.fixture
def node(domain):
    rclpy.init(args=[])
    node = rclpy.create_node("act_attention")
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


def become(overlays, count) -> bool:
    """Whether the overlays have so many subscriptions in time."""
    end = time.monotonic() + 60
    while overlays.subscribers() != count and time.monotonic() < end:
        time.sleep(0.01)
    return overlays.subscribers() == count


def test_every_subscription_of_any_overlay_counts_until_it_ends(node, tmp_path):
    contract = load_contract(write_contract(tmp_path / "bimanual.yaml"))
    overlays = OverlayPublisher(node, contract, words=WORDS_IMAGE)
    assert (overlays.subscribers(), overlays.wanted()) == (0, False)
    node.create_subscription(Image, "/top/image_raw", print, 1)  # a camera's own pictures
    made = []
    for kind, topic in SUBSCRIBED:
        made.append(node.create_subscription(kind, topic, print, 1))
        assert become(overlays, len(made))
        assert overlays.wanted()
    while made:
        node.destroy_subscription(made.pop())
        assert become(overlays, len(made))
    assert not overlays.wanted()
