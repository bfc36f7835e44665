# SPDX-License-Identifier: Apache-2.0
"""Whether a contract's topics are still different ones on a node, which may map and expand them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.robot import ContractError

if TYPE_CHECKING:
    from rclpy.node import Node

    from pam_ros.robot import Contract


def check_topics(node: Node, contract: Contract) -> None:
    """Two parts of a robot never command one topic, and none commands what the state is read from.

    Raises:
        ContractError: they do on this node, whose namespace and remappings make two names one.
    """
    states = {node.resolve_topic_name(topic): topic for topic in contract.state.topics}
    commands: dict[str, str] = {}
    for part in contract.command.parts:
        topic = node.resolve_topic_name(part.topic)
        other = commands.setdefault(topic, part.topic)
        if other != part.topic:
            raise _same(f"commands on {other} and on {part.topic}", topic)
        if topic in states:
            raise _same(f"commands on {part.topic} and the state on {states[topic]}", topic)


def _same(which: str, topic: str) -> ContractError:
    return ContractError(
        f"{which} are all {topic} on this node: give each a topic of its own, in the contract or "
        "by remapping"
    )
