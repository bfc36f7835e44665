# SPDX-License-Identifier: Apache-2.0
"""`~/contribution_target`: what contributions explain, set by a message instead of a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.parameter import Parameter
from std_msgs.msg import String

from pam_ros.attention.contribution import parse_target
from pam_ros.attention.errors import AttentionError
from pam_ros.nodes.kit.said import Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.callback_groups import CallbackGroup
    from rclpy.node import Node

PARAMETER = "contribution_target"
LONGEST = 200
"""No target has so many characters; what is longer is not repeated in the log."""


class TargetTopic:
    """Sets the parameter, so that it always says what is in force.

    A text that names no target of this policy is refused with a warning, and nothing changes.

    Args:
        node: that has the parameter.
        joints: the names of an action's joints.
        chunk_size: steps of a chunk.
        group: of the subscription's callback; setting a parameter must not wait for the policy.
    """

    def __init__(
        self, node: Node, joints: Sequence[str], chunk_size: int, group: CallbackGroup
    ) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._joints = tuple(joints)
        self._chunk_size = chunk_size
        node.create_subscription(String, f"~/{PARAMETER}", self._take, 10, callback_group=group)

    def _take(self, message: String) -> None:
        text = message.data.strip()
        reason = self._why_not(text)
        # A publisher may repeat itself: a target that is set begins nothing anew.
        if not reason and text != self._node.get_parameter(PARAMETER).value:
            (result,) = self._node.set_parameters([Parameter(PARAMETER, value=text)])
            reason = "" if result.successful else result.reason
        if reason:
            self._said.warning(f"~/{PARAMETER}: {reason}", state=PARAMETER)

    def _why_not(self, text: str) -> str:
        if len(text) > LONGEST:
            return f"a text of {len(text)} characters is no target"
        try:
            parse_target(text, self._joints, self._chunk_size)
        except AttentionError as error:
            return str(error)
        return ""
