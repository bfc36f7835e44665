# SPDX-License-Identifier: Apache-2.0
"""Listens for some seconds to the topics that a contract names."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy

from pam_ros.nodes.act.robot_description import complete_limits
from pam_ros.nodes.kit.messages import message_class
from pam_ros.nodes.kit.video_topic import VideoTopic
from pam_ros.robot.contract import VIDEO_TYPES
from pam_ros.robot.controller_check import check_controller
from pam_ros.robot.live_check import Heard, check_live, wanted_sources
from pam_ros.robot.own_nodes import is_robots
from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.robot import Contract
    from pam_ros.robot.parts import CommandPart

DISCOVERY_S = 2.0
PARAMETERS_S = 1.0
_EARLIER = 1024


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
        command_notes, command_problems = _command_topics(node, contract)
        return notes + command_notes, problems + command_problems
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _listen(node: Node, contract: Contract, seconds: float) -> dict[str, Heard]:
    wanted = wanted_sources(contract)
    heard = {
        name: Heard(source.topic, seconds, earlier=deque(maxlen=_EARLIER if source.merged else 0))
        for name, source in wanted.items()
    }
    qos = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
    for name, source in wanted.items():
        video = VideoTopic(source.topic, source.type) if source.type in VIDEO_TYPES else None
        kind = message_class(source.type) if video is None else video.message_class()
        callback = partial(_take, node, heard[name], video)
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


def _take(node: Node, heard: Heard, video: VideoTopic | None, message: Any) -> None:
    arrival = node.get_clock().now().nanoseconds
    if video is not None:
        for image in video.take(message):
            heard.last = image
            heard.stamps.append(stamp_nanoseconds(image.header.stamp))
            heard.arrivals.append(arrival)
        heard.undecoded = video.reason
        return
    header = getattr(message, "header", None)
    heard.arrivals.append(arrival)
    heard.stamps.append(arrival if header is None else stamp_nanoseconds(header.stamp))
    heard.take(message)


def _command_topics(node: Node, contract: Contract) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    problems: list[str] = []
    for part in contract.command.parts:
        note, wrong = _command_topic(node, part.topic, part.type)
        notes += note
        problems += wrong
        problems += _controllers(node, part)
    return notes, problems


def _controllers(node: Node, part: CommandPart) -> list[str]:
    """What controllers that listen say of their joints, if it is not what is commanded."""
    problems = []
    for info in _robots_listeners(node, part.topic):
        name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
        joints = _joints_of(node, name)
        if joints:
            problems.append(check_controller(part, name, joints))
    return [problem for problem in problems if problem]


def _joints_of(node: Node, name: str) -> list[str]:
    """The parameter `joints` of a node, as controllers of ros2_control have it; else nothing."""
    client = node.create_client(GetParameters, f"{name}/get_parameters")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        if not client.wait_for_service(timeout_sec=PARAMETERS_S):
            return []
        future = client.call_async(GetParameters.Request(names=["joints"]))
        executor.spin_until_future_complete(future, timeout_sec=PARAMETERS_S)
        answer = future.result() if future.done() else None
        return list(answer.values[0].string_array_value) if answer and answer.values else []
    finally:
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_client(client)


def _robots_listeners(node: Node, topic: str) -> list[Any]:
    """Who may move the robot by what comes there: no page, recorder or viewer."""
    found = node.get_subscriptions_info_by_topic(node.resolve_topic_name(topic))
    return [info for info in found if is_robots(info.node_name)]


def _command_topic(node: Node, topic: str, kind: str) -> tuple[list[str], list[str]]:
    listeners = _robots_listeners(node, topic)
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
