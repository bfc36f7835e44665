# SPDX-License-Identifier: Apache-2.0
"""A peer of the node displays, and how its markers are read."""

from __future__ import annotations

import time

import numpy as np
import rclpy
from rcl_interfaces.msg import Log
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from pam_ros.msg import AttentionMap
from pam_ros.nodes.displays.node import DisplaysNode
from pam_ros.sim.scene import Scene

KEPT = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ATTENTION, CHUNK = "/act_attention/attention", "/act_attention/predicted_chunk"


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
        self.said: list[Log] = []
        self.peer.create_subscription(Log, "/rosout", self.said.append, KEPT)

    def until(self, condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            self.executor.spin_once(timeout_sec=0.05)

    def look(self, topic):
        """What comes on a topic of markers, and its subscription, once the node listens for it."""
        before = len(self.listens())
        found: list[MarkerArray] = []
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


def named(message, name):
    (found,) = (one for one in message.markers if one.ns == name)
    return found


def points(marker):
    return np.array([(p.x, p.y, p.z) for p in marker.points])
