# SPDX-License-Identifier: Apache-2.0
"""The instruction: what the policy is told, by the parameter, by `~/instruction`, by the contract.

The message sets the parameter, so that whichever was set last is in force. Where neither was, the
contract's holds, and where it has none, the policy's own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.nodes.kit.said import Said
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.words import (
    instruct_first,
    instruction_of,
    reads_words,
    why_no_instruction,
    why_unread,
)

if TYPE_CHECKING:
    from rclpy.callback_groups import CallbackGroup
    from rclpy.node import Node

    from pam_ros.policy.interface import Policy
    from pam_ros.tick.loop import TickLoop

PARAMETER = "instruction"
TOPIC = f"~/{PARAMETER}"
WORDS_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)
_SHOWN = 60


class Told(NamedTuple):
    """What the policy reads now, and how often that was changed since the node was configured."""

    text: str
    changes: int


class Words:
    """What a policy is told. A new text is read from the next tick on.

    Args:
        node: that has the parameter and the topic.
        policy: any; one that reads no words is left as it is, and a text for it is warned of once.
        parameter: its value at the start; empty: not set.
        contract: the contract's instruction; empty: none.

    Raises:
        ParameterError: the policy reads words, and there are none or such as it cannot read.
    """

    def __init__(self, node: Node, policy: Policy, parameter: str, contract: str) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._policy = policy
        self._reads = reads_words(policy)
        self._contract = contract
        self._parameter = parameter
        self._warned = False
        self._lock = threading.Lock()
        self._asked: str | None = None
        self._asked_by = ""
        offers = {
            f"the parameter '{PARAMETER}'": parameter,
            f"the key '{PARAMETER}' of the contract": contract,
        }
        try:
            first = instruct_first(policy, offers)
        except PolicyError as error:
            raise ParameterError(str(error)) from error
        sources = dict(zip(offers, ("parameter", "contract"), strict=True))
        self._source = sources.get(first.source, first.source)
        self._told = Told(instruction_of(policy), 0)
        self._refused: str | None = None
        if first.unread:
            self._warn_unread(first.unread)
        elif self._reads:
            node.get_logger().info(f"instruction: '{self._told.text}', of the {self._source}")

    def listen(self, group: CallbackGroup) -> None:
        """Take texts of `~/instruction`; nothing in this group may wait for the policy."""
        self._node.create_subscription(String, TOPIC, self._take, WORDS_QOS, callback_group=group)

    @property
    def now(self) -> Told:
        """What the policy reads; of any thread."""
        return self._told

    def why_not(self, text: str) -> str:
        """Why the parameter cannot have this value; empty where it can."""
        if not self._reads:
            return ""
        text = text or self._contract
        if not text:
            return (
                f"parameter '{PARAMETER}' is empty: policy {self._policy.spec.name} reads words, "
                "and the contract has none"
            )
        reason = why_no_instruction(text)
        return f"parameter '{PARAMETER}' cannot be taken: {reason}" if reason else ""

    def ask(self, text: str) -> None:
        """Have the policy read this from the next tick on; a text that why_not lets pass.

        Empty stands for the contract's.
        """
        if not self._reads:
            if text:
                self._warn_unread(f"{why_unread(self._policy)}: the instruction is not used")
            return
        with self._lock:
            self._asked, self._asked_by = text or self._contract, "contract"
            if text:
                self._asked_by = "parameter"

    def ask_if_new(self, text: str) -> None:
        """Ask for the parameter's text if it is another than at the start, and can be taken."""
        if text == self._parameter:
            return
        reason = self.why_not(text)
        if reason:
            self._node.get_logger().error(f"{reason}; it reads '{_short(self._told.text)}'")
        else:
            self.ask(text)

    def take(self, loop: TickLoop) -> bool:
        """Give the policy what was asked for since the last tick; whether its words are others.

        In the thread of the ticks. A text that the policy refuses is said, and taken back.
        """
        with self._lock:
            text, self._asked = self._asked, None
            by = self._asked_by
        if text is None:
            return False
        before = self._told
        if text == before.text:
            self._source = by
            return False
        try:
            loop.instruct(text)
        except Exception as error:  # noqa: BLE001  (a tokenizer's too: it goes on with its words)
            self._refused = text
            self._said.error(
                f"instruction '{_short(text)}' is refused: {error}; "
                f"it still reads '{_short(before.text)}'",
                state="refused",
            )
            # So that the parameter says what is in force, unless something newer is set.
            if self._node.get_parameter(PARAMETER).value == text:
                self._node.set_parameters([Parameter(PARAMETER, value=before.text)])
            return False
        self._told, self._source = Told(text, before.changes + 1), by
        self._node.get_logger().info(
            f"instruction: '{_short(text)}' instead of '{_short(before.text)}'; what was planned "
            "is dropped"
        )
        return True

    def values(self) -> dict[str, object]:
        """For /diagnostics; nothing of a policy that reads no words."""
        if not self._reads:
            return {}
        return {
            "instruction": self._told.text,
            "instruction_from": self._source,
            "instruction_changes": self._told.changes,
        }

    def _take(self, message: String) -> None:
        text = message.data
        if self._reads:
            reason = why_no_instruction(text)
            if text == self._refused:
                reason = "the policy has refused it"
            # A publisher may repeat itself: what is set begins nothing anew.
            if not reason and text != self._node.get_parameter(PARAMETER).value:
                (result,) = self._node.set_parameters([Parameter(PARAMETER, value=text)])
                reason = "" if result.successful else result.reason
            if reason:
                self._said.warning(f"{TOPIC}: the text is not taken: {reason}", state=TOPIC)
            return
        self._warn_unread(f"{why_unread(self._policy)}: {TOPIC} is not used")

    def _warn_unread(self, sentence: str) -> None:
        if not self._warned:
            self._warned = True
            self._node.get_logger().warning(sentence)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
