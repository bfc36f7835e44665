# SPDX-License-Identifier: Apache-2.0
"""One tick's messages into a bag, on the topics on which the live node publishes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale
from pam_ros.robot import action_positions
from pam_ros.robot.contract import IMAGE
from pam_ros.robot.parts import part_names
from pam_ros.robot.topics import WORDS_IMAGE, full_name, topics_of
from pam_ros.robot.values.joints import JOINT_TRAJECTORY
from pam_ros.tick.attention_map import ATTENTION_MAP, AttentionMapMaker, further_message
from pam_ros.tick.commands import ChunkMaker, CommandMaker
from pam_ros.tick.pictures import WORDS, OverlayMaker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.bags.messages import Messages
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.replay.output import ReplayOutput
    from pam_ros.robot import Contract
    from pam_ros.tick.explained import ExplainedTick


class TickOutput:
    """Fills and writes messages. Announces its topics when it is made."""

    def __init__(
        self,
        output: ReplayOutput,
        messages: Messages,
        contract: Contract,
        spec: PolicySpec,
        *,
        node: str,
        overlays: bool,
        period_s: float,
        further: Sequence[str] = (),
    ) -> None:
        self._output = output
        self._messages = messages
        self._contract = contract
        self._commands = CommandMaker(messages, contract.command, period_s)
        self._chunks = ChunkMaker(messages, contract.command, period_s)
        topics = topics_of(contract, node)
        self.attention_topic, self._chunk = topics.attention, topics.chunk
        self._command = _command_topics(contract, node)
        self._overlay_topics = {camera.name: camera.overlay for camera in topics.cameras}
        if spec.instruction and topics.cameras:
            self._overlay_topics[WORDS] = full_name(WORDS_IMAGE, node)
        self._overlay = Overlay() if overlays else None
        self._scale = RunningScale()
        self._maps = AttentionMapMaker(messages, spec, contract)
        self._overlays = OverlayMaker(messages, contract)
        self.topics = {
            self.attention_topic: ATTENTION_MAP,
            self._chunk: JOINT_TRAJECTORY,
            **self._command,
        }
        self._topics = topics
        self.topics.update(dict.fromkeys(map(topics.map_of, further), ATTENTION_MAP))
        if overlays:
            self.topics.update(dict.fromkeys(self._overlay_topics.values(), IMAGE))
        for topic, kind in self.topics.items():
            output.add_topic(topic, kind)

    def attention(self, tick: ExplainedTick) -> Any:
        """The tick's AttentionMap."""
        return self._maps.make(tick)

    def write_further(self, tick: ExplainedTick, received_ns: int) -> None:
        """Write the maps of further targets, as the node publishes them."""
        for one in () if tick.maps is None else tick.maps.also:
            message = further_message(self._maps, tick, one)
            self.write(self._topics.map_of(one.target), message, ATTENTION_MAP, received_ns)

    def write_command(
        self, action: NDArray[np.floating[Any]], stamp_ns: int, received_ns: int
    ) -> None:
        """Write the action (joints,) of a tick, in the policy's units, as the contract's command.

        It is what the policy asks for: no robot moves by it, so nothing bounds it.
        """
        positions = action_positions(self._contract.command, action)
        messages = self._commands.make_for_the_record(positions, stamp_ns)
        for (topic, kind), message in zip(self._command.items(), messages, strict=True):
            self.write(topic, message, kind, received_ns)

    def write_chunk(
        self, chunk: NDArray[np.floating[Any]], stamp_ns: int, received_ns: int
    ) -> None:
        """Write a whole chunk (steps, joints) in the policy's units."""
        message = self._chunks.make(chunk, stamp_ns)
        self.write(self._chunk, message, JOINT_TRAJECTORY, received_ns)

    def write_overlays(self, tick: ExplainedTick, received_ns: int, *, keep: bool = True) -> None:
        """Draw and write each camera's overlay, where they were asked for; as the node draws them.

        keep: False counts the tick into the running scale and writes nothing.
        """
        if self._overlay is None:
            return
        cameras = self._overlay_topics if keep else ()
        for drawn in self._overlays.draw(tick, self._overlay, self._scale, cameras):
            self.write(self._overlay_topics[drawn.camera], drawn.image(), IMAGE, received_ns)

    def announce(self, topic: str, kind: str) -> None:
        """One more topic."""
        self.topics[topic] = kind
        self._output.add_topic(topic, kind)

    def write(self, topic: str, message: Any, kind: str, received_ns: int) -> None:
        """Write a message that is filled."""
        self._output.write(topic, self._messages.encode(message, kind), received_ns)


def _command_topics(contract: Contract, node: str) -> dict[str, str]:
    """Where each part of a predicted command is written, and its type."""
    parts = contract.command.parts
    if len(parts) == 1:
        return {f"{node}/predicted_command": parts[0].type}
    words = part_names([part.topic for part in parts])
    return {
        f"{node}/predicted_command/{word}": part.type
        for word, part in zip(words, parts, strict=True)
    }
