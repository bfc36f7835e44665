# SPDX-License-Identifier: Apache-2.0
"""The topics of a contract and of the nodes that run it, by their full names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import CommandPart, StatePart

NODE = "/act_attention"
RECORDER = "/sae_recorder"
ATTENTION = f"{NODE}/attention"
"""AttentionMaps of a node of the default name."""
INSTRUCTION = f"{NODE}/instruction"
"""What a policy of a node of the default name is told."""
FURTHER_MAPS = "~/attention_map"
"""Below it, AttentionMaps of further targets, each on a topic of its own: see target_word."""
WORDS_IMAGE = "~/words/image"
"""The words of the instruction as a strip, each on the colour of its share."""
# The demo robot's.
JOINT_COMMANDS = "/joint_commands"
DEMO_SCENE = "/demo_robot/scene"
DEMO_RESULT = "/demo_robot/result"
DEMO_START = "/demo_robot/start"


@dataclass(frozen=True)
class CameraTopics:
    """One camera: its images, as `type`, the overlays drawn on them, and its CameraInfo."""

    name: str
    image: str
    type: str
    overlay: str
    info: str

    @property
    def compressed_overlay(self) -> str:
        """The overlays as CompressedImage."""
        return f"{self.overlay}/compressed"


@dataclass(frozen=True)
class ValueAddress:
    """A joint's name, and which of its numbers; or a field, twice."""

    name: str
    field: str


@dataclass(frozen=True)
class ValueTopic:
    """A topic with numbers of the robot: a part of the state, or of the command.

    Attributes:
        topic: its full name.
        type: of its messages.
        names: of the joints or fields, as messages have them.
        labels: the same, each as no other joint of the contract is called.
        fields: where each number is in a message.
        units: of each number; empty for a bare one.
    """

    topic: str
    type: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    fields: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def addresses(self) -> tuple[ValueAddress, ...]:
        """Where each number is in a message, for ValueType.find."""
        return tuple(map(ValueAddress, self.names, self.fields))


@dataclass(frozen=True)
class Topics:
    """All that there is to show of one robot.

    `further`: below it, maps of further targets. `instruction`: what the policy is told. `words`:
    its words as a strip; empty where the contract has no instruction.
    """

    attention: str
    cameras: tuple[CameraTopics, ...]
    states: tuple[ValueTopic, ...]
    commands: tuple[ValueTopic, ...]
    chunk: str
    features: str
    further: str
    instruction: str
    diagnostics: str = "/diagnostics"
    words: str = ""

    @property
    def compressed_words(self) -> str:
        """The JPEGs of the words as a strip; empty where there is none."""
        return self.words and f"{self.words}/compressed"

    def map_of(self, target: str) -> str:
        """The AttentionMaps of a further target, by its label."""
        return f"{self.further}{target_word(target)}"

    @property
    def joints(self) -> dict[str, str]:
        """The unit of every joint and field, by its label, those that are commanded first."""
        units: dict[str, str] = {}
        for each in (*self.commands, *self.states):
            for label, unit in zip(each.labels, each.units, strict=True):
                units.setdefault(label, unit)
        return units


def target_word(target: str) -> str:
    """The last word of a target's topic: "gripper_0_10" for "gripper[0:10]".

    Letters A to Z and a to z and digits stay as they are; each run of other characters is one
    underscore, and none at the ends. What would be empty or begin with a digit has "target_" before
    it.
    """
    word = re.sub(r"[^A-Za-z0-9]+", "_", target).strip("_")
    return word if word[:1].isalpha() else f"target_{word}".rstrip("_")


def further_map(topic: str) -> str | None:
    """The last word of a topic with maps of a further target; None for all other topics."""
    found = re.fullmatch(rf".*{FURTHER_MAPS.removeprefix('~')}/([^/]+)", topic)
    return found and found[1]


def full_name(topic: str, node: str = NODE) -> str:
    """A topic of a contract as the attention node, given by its full name, resolves it."""
    namespace, _, _ = node.rpartition("/")
    if topic.startswith("~/"):
        return f"{node}/{topic[2:]}"
    return topic if topic.startswith("/") else f"{namespace}/{topic}"


def topics_of(contract: Contract, node: str = NODE, recorder: str = RECORDER) -> Topics:
    """The topics of a contract.

    Args:
        contract: of the robot.
        node: full name of the attention node, with its namespace.
        recorder: full name of the sae_recorder.
    """

    def full(topic: str) -> str:
        return full_name(topic, node)

    return Topics(
        attention=full("~/attention"),
        cameras=tuple(
            CameraTopics(
                camera.name,
                full(camera.topic),
                camera.type,
                full(f"~/attention/{camera.name}/image"),
                full(camera.info_topic),
            )
            for camera in contract.cameras
        ),
        states=tuple(_values(part, full(part.topic)) for part in contract.state.parts),
        commands=tuple(_values(part, full(part.topic)) for part in contract.command.parts),
        chunk=full("~/predicted_chunk"),
        features=f"{recorder}/features",
        further=full(f"{FURTHER_MAPS}/"),
        instruction=full("~/instruction"),
        words=full(WORDS_IMAGE) if contract.instruction else "",
    )


def _values(part: StatePart | CommandPart, topic: str) -> ValueTopic:
    return ValueTopic(
        topic,
        part.type,
        names=tuple(joint.name for joint in part.joints),
        labels=tuple(joint.label for joint in part.joints),
        fields=tuple(joint.field for joint in part.joints),
        units=tuple(joint.message_unit for joint in part.joints),
    )
