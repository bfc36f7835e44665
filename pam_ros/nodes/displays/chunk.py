# SPDX-License-Identifier: Apache-2.0
"""`~/chunk_path`: where the predicted chunk takes the gripper, as a line in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import Marker, MarkerArray

from pam_ros.nodes.displays.while_heard import WhileHeard
from pam_ros.nodes.kit.spatial import colour, fill_colours, fill_points, marker
from pam_ros.robot import MessageError
from pam_ros.robot.chunk_path import ChunkPaths
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.values.joints import JOINT_STATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.node import Node
    from rclpy.subscription import Subscription

    from pam_ros.nodes.displays.said import Said
    from pam_ros.robot import Contract
    from pam_ros.robot.topics import Topics

DESCRIPTION = "robot_description"
HELD_S = 2
_WIDTH_M, _END_M = 0.004, 0.012
# Away from every colour of heat: from what comes next to what comes last.
_NEXT, _LAST = np.array((1.0, 1.0, 1.0, 1.0)), np.array((0.85, 0.2, 0.85, 0.9))
_STATIC = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_SENSOR = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class ChunkInSpace:
    """The line of each arm, in the root link of the robot's description.

    Args:
        node: has the topics.
        contract: says what the chunk's numbers are.
        topics: of the contract.
        tips: links whose paths are wanted; none: found by the URDF.
        said: says why there is no path.
    """

    def __init__(
        self, node: Node, contract: Contract, topics: Topics, tips: Sequence[str], said: Said
    ) -> None:
        self._node = node
        self._contract = contract
        self._topics = topics
        self._tips = [tip for tip in tips if tip]
        self._said = said
        self._publisher = node.create_publisher(MarkerArray, "~/chunk_path", 2)
        self._heard = WhileHeard(node, self._publisher, self._listen)
        self._paths: ChunkPaths | None = None
        self._root = ""
        self._why_not = ""
        self._text = ""
        self._measured: dict[str, float] = {}

    def look(self) -> None:
        """Whether somebody subscribes; to be called several times a second."""
        self._heard.look()

    def _listen(self) -> list[Subscription]:
        node = self._node
        states = {part.topic for part in self._topics.states if part.type == JOINT_STATE}
        where = node.resolve_topic_name(DESCRIPTION)
        self._why_not = self._why_not or f"nothing came on {where}: is robot_state_publisher there?"
        return [
            node.create_subscription(String, DESCRIPTION, self._on_description, _STATIC),
            *(
                node.create_subscription(JointState, topic, self._on_state, _SENSOR)
                for topic in sorted(states)
            ),
            node.create_subscription(JointTrajectory, self._topics.chunk, self._on_chunk, 2),
        ]

    def _on_description(self, message: String) -> None:
        if message.data == self._text:
            return
        self._text, self._paths = message.data, None
        try:
            tree = read_tree(message.data)
            self._paths = ChunkPaths(tree, self._contract.command, self._tips)
        except MessageError as error:
            self._why_not = str(error)
            self._said.say("predicted chunk in space", self._why_not)
            return
        self._root = tree.root
        self._node.get_logger().info(
            f"the predicted chunk is shown as the path of {', '.join(self._paths.tips)} in "
            f"{tree.root} (parameter tip_links)"
        )

    def _on_state(self, message: JointState) -> None:
        if len(message.name) == len(message.position):
            self._measured.update(zip(message.name, message.position, strict=True))

    def _on_chunk(self, message: JointTrajectory) -> None:
        if self._paths is None:
            self._said.say("predicted chunk in space", self._why_not)
            return
        rows = [point.positions for point in message.points]
        if not rows or {len(row) for row in rows} != {len(message.joint_names)}:
            self._said.say(
                "predicted chunk in space", "the predicted chunk has no step, or unequal ones"
            )
            return
        try:
            paths = self._paths.paths(
                message.joint_names, np.array(rows, np.float64), self._measured
            )
        except MessageError as error:
            self._said.say("predicted chunk in space", str(error))
            return
        self._said.say("predicted chunk in space", "")
        found: list[Marker] = []
        for tip, path in paths.items():
            found += self._line(message, tip, path)
        self._publisher.publish(MarkerArray(markers=found))

    def _line(self, message: JointTrajectory, tip: str, path: Any) -> list[Marker]:
        line = marker(self._root, message.header.stamp, tip, Marker.LINE_STRIP)
        line.scale.x = _WIDTH_M
        # One point makes no line, and is an error in RViz.
        points = np.concatenate([path, path[-1:]]) if len(path) == 1 else path
        fill_points(line, points)
        along = np.linspace(0.0, 1.0, len(points))[:, None]
        fill_colours(line, (1 - along) * _NEXT + along * _LAST)
        end = marker(self._root, message.header.stamp, tip, Marker.SPHERE_LIST, 1)
        end.scale.x = end.scale.y = end.scale.z = _END_M
        end.color = colour(_LAST)
        fill_points(end, path[-1:])
        for each in (line, end):
            each.lifetime = Duration(sec=HELD_S)
        return [line, end]
