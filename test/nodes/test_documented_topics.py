# SPDX-License-Identifier: Apache-2.0
"""docs/topics.md says what the nodes publish, listen to, offer and call: no more and no less."""

import os
import re
import socket
from functools import partial
from pathlib import Path

import pytest
import rclpy
import yaml
from sae_folder import write_sae

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
# The demo arm's, for what the page leaves to the contract.
CONTRACT = {
    "<camera topic of the contract>": ("/top/image_raw", "/wrist/image_raw"),
    "<state topic of the contract>": ("/joint_states",),
    "<command topic of the contract>": ("/joint_commands",),
}
OF_RCLPY = re.compile(
    r"/rosout|/parameter_events|.*/(describe|get|list|set)_parameter\w*|.*/get_type_description"
    # A managed node's state machine has this publisher, not the node.
    r"|.*/transition_event"
)


def documented(node):
    """Of one node: {(direction, full name): (type, QoS)}, with services' QoS empty."""
    (text,) = re.findall(rf"^## {node}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 4 or not cells[0].startswith("`"):
            continue
        name, direction, kind = cells[0].strip("`"), cells[1], cells[2]
        qos = cells[3] if direction in {"in", "out"} else ""
        for topic in CONTRACT.get(name, (name,)):
            for camera in ("top", "wrist") if "<camera>" in topic else ("",):
                full = topic.replace("<camera>", camera).replace("~", f"/{node}")
                assert (direction, full) not in found, f"{full} is there twice"
                found[direction, full] = (kind, qos)
    return without_rclpy_s(found)


def without_rclpy_s(found):
    return {key: value for key, value in found.items() if not OF_RCLPY.fullmatch(key[1])}


def actual(node):
    """The same of a node that runs."""
    found = {}
    for direction, entities in (("out", node.publishers), ("in", node.subscriptions)):
        for entity in entities:
            found[direction, entity.topic_name] = (
                type_name(entity.msg_type, "msg"),
                qos_in_words(entity.qos_profile),
            )
    for direction, entities in (("offers", node.services), ("calls", node.clients)):
        for entity in entities:
            name = node.resolve_service_name(entity.srv_name)
            found[direction, name] = (type_name(entity.srv_type, "srv"), "")
    return without_rclpy_s(found)


def type_name(kind, group):
    return f"{kind.__module__.split('.')[0]}/{group}/{kind.__name__}"


def qos_in_words(profile):
    words = [profile.reliability.name.lower().replace("_", " ")]
    if profile.durability.name == "TRANSIENT_LOCAL":
        words.append("transient local")
    return ", ".join([*words, f"depth {profile.depth}"])


@pytest.fixture
def start(domain, tmp_path):
    """Starts one node by name, in this process, on the demo's policy and contract."""
    made, sockets = [], []

    def start(name):
        from pam_ros.nodes.act.node import ActAttentionNode
        from pam_ros.nodes.demo.robot_node import DemoRobotNode
        from pam_ros.nodes.displays.node import DisplaysNode
        from pam_ros.nodes.guard.node import CommandGuard
        from pam_ros.nodes.recorders.bag_node import RecorderNode
        from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

        write_sae(tmp_path / "sae")
        bag, policy = str(tmp_path / "bag"), str(ROOT / "models" / "demo_act")
        attention = {"policy": policy, "contract": "demo_arm", "engine": "eager"}
        node, parameters = {
            "act_attention": (ActAttentionNode, {**attention, "command_guard": False}),
            "command_guard": (partial(CommandGuard, *guard_of_nobody()), {}),
            "sae_recorder": (SaeRecorderNode, {"sae": str(tmp_path / "sae"), "bag": bag}),
            "recorder": (RecorderNode, {"bag": bag}),
            "demo_robot": (
                DemoRobotNode,
                {"lock_step": True, "wait_for_start": True, "follows_words": True},
            ),
            "displays": (DisplaysNode, {"contract": "demo_arm"}),
        }[name]  # fmt: skip
        file = tmp_path / "parameters.yaml"
        file.write_text(yaml.safe_dump({f"/{name}": {"ros__parameters": parameters}}))
        rclpy.init(args=["--ros-args", "--params-file", str(file)])
        made.append(node())
        if name == "act_attention":
            made[0].start()
        return made[0]

    def guard_of_nobody():
        from pam_ros.nodes.guard.node import GuardedPart, GuardSettings

        sockets.extend(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        parts = (GuardedPart("/joint_commands", "sensor_msgs/msg/JointState", ("shoulder_pan",),
                             ("position",)),)  # fmt: skip
        return (
            GuardSettings(os.getpid(), "act_attention", "/", parts, 0.1, 0.2),
            sockets[0],
        )  # fmt: skip

    yield start
    for node in made:
        if hasattr(node, "close"):
            node.close()
        node.destroy_node()
    rclpy.try_shutdown()
    for each in sockets:
        each.close()


@pytest.mark.parametrize(
    "name", ["act_attention", "command_guard", "sae_recorder", "recorder", "demo_robot", "displays"]
)
def test_the_page_of_topics_says_what_the_node_has(start, name):
    assert actual(start(name)) == documented(name)


def test_every_node_of_the_package_has_its_place_on_the_page():
    from pam_ros.nodes.kit.run import NODES

    assert set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == set(NODES)
