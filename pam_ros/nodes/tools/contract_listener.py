# SPDX-License-Identifier: Apache-2.0
"""Listens for some seconds to the topics that a contract names."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray

from pam_ros.nodes.act.robot_description import complete_limits
from pam_ros.robot.contract import COMPRESSED_IMAGE, IMAGE, JOINT_STATE
from pam_ros.robot.live_check import Heard, check_live, wanted_sources
from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.robot import Contract

DISCOVERY_S = 2.0


def check_graph(contract: Contract, seconds: float) -> tuple[list[str], list[str]]:
    """Notes and problems of what the graph publishes, after listening for so long [s].

    Raises:
        ContractError: the limits that it takes from the URDF are not to be had.
    """
    rclpy.init(args=[])
    node = rclpy.create_node("contract_check")
    try:
        contract = complete_limits(node, contract)
        heard = _listen(node, contract, seconds)
        notes, problems = check_live(contract, heard)
        command_notes, command_problems = _command_topic(node, contract)
        return notes + command_notes, problems + command_problems
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _listen(node: Node, contract: Contract, seconds: float) -> dict[str, Heard]:
    wanted = wanted_sources(contract)
    heard = {name: Heard(source.topic, seconds) for name, source in wanted.items()}
    qos = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
    types = {IMAGE: Image, COMPRESSED_IMAGE: CompressedImage, JOINT_STATE: JointState}
    for name, source in wanted.items():
        kind = types.get(source.type, Float64MultiArray)
        callback = partial(_take, node, heard[name])
        node.create_subscription(kind, source.topic, callback, qos)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    # What comes while participants still find each other is not the rate.
    for spell in (DISCOVERY_S, seconds):
        for one in heard.values():
            one.arrivals.clear()
            one.stamps.clear()
        end = time.monotonic() + spell
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    for one in heard.values():
        infos = node.get_publishers_info_by_topic(node.resolve_topic_name(one.topic))
        one.types = tuple(info.topic_type for info in infos)
    return heard


def _take(node: Node, heard: Heard, message: Any) -> None:
    arrival = node.get_clock().now().nanoseconds
    header = getattr(message, "header", None)
    heard.arrivals.append(arrival)
    heard.stamps.append(arrival if header is None else stamp_nanoseconds(header.stamp))
    heard.last = message


def _command_topic(node: Node, contract: Contract) -> tuple[list[str], list[str]]:
    topic, kind = contract.command.topic, contract.command.type
    listeners = node.get_subscriptions_info_by_topic(node.resolve_topic_name(topic))
    others = node.get_publishers_info_by_topic(node.resolve_topic_name(topic))
    problems = [
        f"{info.node_name} listens to {topic} as {info.topic_type}; the contract says {kind}"
        for info in listeners
        if info.topic_type != kind
    ]
    if not listeners:
        problems.append(f"nobody listens to the commands on {topic}")
    notes = [f"commands ({topic}): heard by {info.node_name}" for info in listeners]
    notes += [f"commands ({topic}): {info.node_name} publishes there already" for info in others]
    return notes, problems
