# SPDX-License-Identifier: Apache-2.0
"""A robot of two parts, one joint each: how the second one is commanded, and what both then heard.

Import it where rclpy is.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import Twist
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from faults.policy import JOINTS, LIMIT_RAD, MAX_STEP_RAD, MAX_VELOCITY
from faults.witness import Command, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.node import Node

LEFT, RIGHT = "left", "right"
_LIMITS = f"limits: [-{LIMIT_RAD}, {LIMIT_RAD}]"


@dataclass(frozen=True)
class Second:
    """How the second part is commanded.

    Attributes:
        message: the class of its messages.
        keys: of its part of the contract.
        value: the number in a message.
        rests: whether it is held at 0.
    """

    message: type[Any]
    keys: str
    value: Callable[[Any], float] = field(repr=False)
    rests: bool = True


SECONDS = {
    "arm": Second(
        JointState,
        f"type: sensor_msgs/msg/JointState, max_velocity: {MAX_VELOCITY}",
        lambda message: float(message.position[0]),
        rests=False,
    ),
    "velocity": Second(
        Float64MultiArray,
        f"type: std_msgs/msg/Float64MultiArray, kind: velocity, max_acceleration: {MAX_VELOCITY}, "
        f"joints: [{{name: lift, {_LIMITS}}}]",
        lambda message: float(message.data[0]),
    ),
    "effort": Second(
        JointState,
        f"type: sensor_msgs/msg/JointState, kind: effort, max_effort_rate: {MAX_VELOCITY}, "
        f"joints: [{{name: lift, {_LIMITS}}}]",
        lambda message: float(message.effort[0]),
    ),
    "twist": Second(
        Twist,
        f"type: geometry_msgs/msg/Twist, max_acceleration: {MAX_VELOCITY}, "
        f"fields: [{{name: linear.x, {_LIMITS}}}]",
        lambda message: float(message.linear.x),
    ),
}
"""By the word that a bench has."""


def with_parts(contract: str, second: str) -> str:
    """The suite's contract with a state and a command of two parts."""
    head, _, _ = contract.partition("state:\n")
    pan, lift = JOINTS
    return (
        f"{head}state:\n"
        f"  - {{topic: /{LEFT}/joint_states, joints: [{{name: {pan}, {_LIMITS}}}]}}\n"
        f"  - {{topic: /{RIGHT}/joint_states, joints: [{{name: {lift}, {_LIMITS}}}]}}\n"
        "command:\n"
        f"  - {{topic: /{LEFT}/commands, type: sensor_msgs/msg/JointState, "
        f"max_velocity: {MAX_VELOCITY}, max_step: {MAX_STEP_RAD}}}\n"
        f"  - {{topic: /{RIGHT}/commands, max_step: {MAX_STEP_RAD}, {SECONDS[second].keys}}}\n"
    )


class PartsWitness(Witness):
    """Joins what goes to the two topics: a command is there when the second part of it is.

    The topics are read one after the other, so that on a busy machine a next first part may be
    taken before the second part of the one before it. A robot that is stopped gets a second part
    alone.
    """

    def __init__(self, node: Node, second: str) -> None:
        super().__init__(node, f"/{LEFT}/commands")
        self._second = SECONDS[second]
        self._firsts: deque[Command] = deque()
        self._first: Command | None = None
        node.create_subscription(self._second.message, f"/{RIGHT}/commands", self._on_second, 1000)

    def _on_command(self, message: JointState) -> None:
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        first = Command(time.monotonic(), stamp, tuple(message.name), tuple(message.position))
        self._firsts.append(first)

    def _on_second(self, message: Any) -> None:
        if self._firsts:
            self._first = self._firsts.popleft()
        first = self._first
        if first is not None:
            value = self._second.value(message)
            self.take(Command(time.monotonic(), first.stamp, JOINTS, (first.positions[0], value)))
