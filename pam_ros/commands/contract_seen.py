# SPDX-License-Identifier: Apache-2.0
"""What a recording or the running graph shows of a robot, for a draft of its contract."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pam_ros.bags.errors import BagError
from pam_ros.bags.reader import BagReader
from pam_ros.robot.contract import CAMERA_TYPES, VIDEO_TYPES, Size
from pam_ros.robot.draft import Seen, Watched
from pam_ros.robot.errors import ContractError
from pam_ros.robot.own_nodes import is_robots
from pam_ros.robot.topics import ATTENTION
from pam_ros.robot.urdf import UrdfJoint, read_urdf
from pam_ros.robot.values.registry import COMMAND_TYPES, VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.bags.reader import BagMessage
    from pam_ros.commands.graph import Visit

_DESCRIPTION = "/robot_description"
_STRING = "std_msgs/msg/String"
_CAMERA_NS = 20_000_000_000
"""So long from the beginning of a bag, its cameras are looked at."""
_SETTLE_S = 2.0
_PARAMETER_S = 1.0


def see_bag(path: str) -> Seen:
    """What a recording holds.

    Raises:
        BagError: it cannot be read.
    """
    with BagReader(path) as reader:
        kinds = {name: topic.type for name, topic in reader.topics.items()}
        watched = {name: Watched(name, kind) for name, kind in kinds.items() if _is_robots(kind)}
        extra = {name for name in (_DESCRIPTION, ATTENTION) if name in kinds}
        heard: dict[str, Any] = {}
        values = {name for name in watched if kinds[name] in VALUE_TYPES}
        for message in reader.messages(values | extra):
            _take(reader, watched, heard, message)
        stop_ns = reader.start_ns + _CAMERA_NS
        for message in reader.messages(watched.keys() - values, stop_ns=stop_ns):
            _take(reader, watched, heard, message)
        for raw, at in reader.stored.items():
            if kinds[at] in VIDEO_TYPES:
                watched[at].size = _size_of_video(reader, raw, stop_ns)
    description = getattr(heard.get(_DESCRIPTION), "data", "")
    return Seen(
        f"the bag {path}",
        [each.result() for each in watched.values()],
        description=_joints(description),
        instruction=str(getattr(heard.get(ATTENTION), "instruction", "")),
    )


def _is_robots(kind: str) -> bool:
    return kind in CAMERA_TYPES or kind in VALUE_TYPES


def _take(
    reader: BagReader, watched: Mapping[str, Watched], heard: dict[str, Any], message: BagMessage
) -> None:
    each = watched.get(message.topic)
    try:
        decoded = reader.decode(message)
    except BagError:
        return  # one damaged message says nothing; a bag that is damaged says so itself
    if each is None:
        heard[message.topic] = decoded
    else:
        each.take(decoded, message.stamp_ns)


def _size_of_video(reader: BagReader, raw: str, stop_ns: int) -> Size | None:
    for message in reader.messages([raw], stop_ns=stop_ns):
        picture = reader.decode(message)
        return Size(int(picture.height), int(picture.width))
    return None


def _joints(description: str) -> dict[str, UrdfJoint]:
    """Of a robot's description; none if it is no URDF."""
    with suppress(ContractError):
        return read_urdf(description)
    return {}


def see_graph(seconds: float) -> Seen:
    """What is published and who listens, after listening for so long [s].

    Raises:
        GraphError: there is nothing.
    """
    from pam_ros.commands.graph import GraphError, visit  # noqa: PLC0415  (needs rclpy)

    with visit(seconds) as graph:
        named = graph.topics(_SETTLE_S, 5 * _SETTLE_S)
        found = {name: kinds[0] for name, kinds in named if kinds}
        watched = {name: Watched(name, kind) for name, kind in found.items() if _is_robots(kind)}
        if not watched:
            message = (
                "no topic with pictures or joints is on the graph: is the robot's driver running "
                "in this ROS_DOMAIN_ID, and within ROS_AUTOMATIC_DISCOVERY_RANGE?"
            )
            raise GraphError(message)
        sys.stderr.write(f"listening to {len(watched)} topics for {seconds:g} s ...\n")
        sys.stderr.flush()
        heard = _listen(graph, watched, found, seconds)
        topics = [_result(graph, each) for each in watched.values()]
    return Seen(
        "the running graph",
        topics,
        live=True,
        description=_joints(getattr(heard.get(_DESCRIPTION), "data", "")),
        instruction=str(getattr(heard.get(ATTENTION), "instruction", "")),
    )


def _listen(
    graph: Visit, watched: Mapping[str, Watched], found: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: PLC0415

    from pam_ros.nodes.kit.messages import message_class  # noqa: PLC0415

    heard: dict[str, Any] = {}

    def take(each: Watched, message: Any) -> None:
        each.take(message, time.time_ns())

    qos = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
    for name, each in watched.items():
        with suppress(ImportError):  # a package of videos that is not installed: seen, not heard
            graph.node.create_subscription(message_class(each.type), name, partial(take, each), qos)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    for name, kept in ((_DESCRIPTION, latched), (ATTENTION, qos)):
        if name in found and found[name] in {_STRING, "pam_ros/msg/AttentionMap"}:
            graph.node.create_subscription(
                message_class(found[name]), name, partial(heard.__setitem__, name), kept
            )
    graph.wait(lambda: False, seconds)
    return heard


def _result(graph: Visit, each: Watched) -> Any:
    node = graph.node
    listeners = node.get_subscriptions_info_by_topic(each.name)
    talkers = node.get_publishers_info_by_topic(each.name)
    told: tuple[str, ...] = ()
    if each.type in COMMAND_TYPES and not each.heard:
        for info in listeners:
            if is_robots(info.node_name):
                full = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
                told = told or _joints_of(graph, full)
    return each.result(
        listeners=tuple(sorted({i.node_name for i in listeners if is_robots(i.node_name)})),
        talkers=tuple(sorted({i.node_name for i in talkers if is_robots(i.node_name)})),
        told=told,
    )


def _joints_of(graph: Visit, name: str) -> tuple[str, ...]:
    """The parameter `joints` of a controller of ros2_control; nothing from anybody else."""
    from rcl_interfaces.srv import GetParameters  # noqa: PLC0415

    client = graph.node.create_client(GetParameters, f"{name}/get_parameters")
    try:
        if not graph.wait(client.service_is_ready, _PARAMETER_S):
            return ()
        future = client.call_async(GetParameters.Request(names=["joints"]))
        if not graph.wait(future.done, _PARAMETER_S):
            return ()
        answer = future.result()
        return tuple(answer.values[0].string_array_value) if answer and answer.values else ()
    finally:
        graph.node.destroy_client(client)
