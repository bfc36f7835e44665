# SPDX-License-Identifier: Apache-2.0
"""The topics of a contract and of the nodes that run it, by their full names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract

NODE = "/act_attention"
RECORDER = "/sae_recorder"
ATTENTION = f"{NODE}/attention"
"""AttentionMaps of a node of the default name."""
# The demo robot's.
JOINT_COMMANDS = "/joint_commands"
DEMO_RESULT = "/demo_robot/result"
DEMO_START = "/demo_robot/start"


@dataclass(frozen=True)
class CameraTopics:
    """One camera: its images, as `type`, and the overlays drawn on them."""

    name: str
    image: str
    type: str
    overlay: str

    @property
    def compressed_overlay(self) -> str:
        """The overlays as CompressedImage."""
        return f"{self.overlay}/compressed"


@dataclass(frozen=True)
class Topics:
    """All that there is to show of one robot."""

    attention: str
    cameras: tuple[CameraTopics, ...]
    state: str
    state_joints: tuple[str, ...]
    command: str
    command_type: str
    command_joints: tuple[str, ...]
    chunk: str
    features: str
    diagnostics: str = "/diagnostics"


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
            )
            for camera in contract.cameras
        ),
        state=full(contract.state.topic),
        state_joints=tuple(joint.name for joint in contract.state.joints),
        command=full(contract.command.topic),
        command_type=contract.command.type,
        command_joints=tuple(joint.name for joint in contract.command.joints),
        chunk=full("~/predicted_chunk"),
        features=f"{recorder}/features",
    )
