# SPDX-License-Identifier: Apache-2.0
"""Limits from /robot_description, as robot_state_publisher offers it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from pam_ros.robot import ContractError
from pam_ros.robot.urdf import read_urdf, with_limits

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.robot import Contract

TOPIC = "robot_description"
WAIT_S = 10.0


def complete_limits(node: Node, contract: Contract) -> Contract:
    """The contract with the limits of the robot's description, where it asks for them.

    Raises:
        ContractError: the description does not come, is no URDF, or leaves a joint unbounded.
    """
    if all(part.limits_from != "urdf" for part in contract.command.parts):
        return contract
    return with_limits(contract, read_urdf(_description(node)))


def _description(node: Node) -> str:
    # A node and executor of its own: the caller may be in the middle of a transition, spun or not.
    # The process's arguments are for the caller: a `__node` among them would give both one name,
    # and the end of this one would end the caller's /rosout.
    listener = rclpy.create_node(
        f"{node.get_name()}_description",
        context=node.context,
        namespace=node.get_namespace(),
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
    )
    topic = node.resolve_topic_name(TOPIC)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(listener)
    texts: list[str] = []
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    listener.create_subscription(String, topic, lambda message: texts.append(message.data), qos)
    try:
        end = time.monotonic() + WAIT_S
        while not texts and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
    finally:
        executor.shutdown()
        listener.destroy_node()
    if not texts:
        raise ContractError(
            f"the contract takes its limits from the URDF, but nothing came on {topic} within "
            f"{WAIT_S:g} s: is robot_state_publisher running?"
        )
    return texts[-1]
