# SPDX-License-Identifier: Apache-2.0
"""The contract by which a data set's frames are read and become messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.observations.names import short_names
from pam_ros.robot.contract import (
    IMAGE,
    CameraContract,
    Contract,
    EnvironmentContract,
    Resizing,
)
from pam_ros.robot.parts import (
    CommandContract,
    CommandPart,
    JointContract,
    StateContract,
    StatePart,
)
from pam_ros.robot.topics import JOINT_COMMANDS
from pam_ros.robot.values.joints import JOINT_STATE, JOINT_TRAJECTORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.policy.interface import PolicySpec

_STATE_TOPIC = "/joint_states"


def as_recorded(contract: Contract) -> Contract:
    """With images as they come from a data set, and commands of a type that holds one position.

    A data set's pictures were turned, cut and resized before they were recorded: what the contract
    says of these is of the camera's own. Each has a topic of its own, also if their cameras share
    one.
    """
    shared = Counter(camera.topic for camera in contract.cameras)
    cameras = tuple(
        replace(
            camera,
            topic=f"{camera.topic}/{camera.name}" if shared[camera.topic] > 1 else camera.topic,
            type=IMAGE,
            encoding="rgb8",
            rotate=0,
            crop=None,
            resize="policy",
            resizing=Resizing(),
        )
        for camera in contract.cameras
    )
    parts = [
        replace(part, type=JOINT_STATE) if part.type == JOINT_TRAJECTORY else part
        for part in contract.command.parts
    ]
    command = CommandContract(tuple(parts))
    return replace(contract, cameras=cameras, command=command)


def made_contract(
    robot: str, fps: float, spec: PolicySpec, names: Mapping[str, Sequence[str]]
) -> Contract:
    """One made of the policy's features, in the data set's own units, bound to the policy.

    Args:
        robot: its name.
        fps: frames a second.
        spec: of the policy.
        names: of a vector's entries, by the policy's feature and "action"; empty where nobody says.
    """
    features = [camera.feature for camera in spec.cameras]
    cameras = tuple(
        CameraContract(name, f"/{name}/image_raw", IMAGE, feature, resize="policy")
        for name, feature in zip(short_names(features), features, strict=True)
    )
    action = _joints(names.get("action", ()), spec.action_dim)
    state = action
    if spec.state_feature is not None:
        state = _joints(names.get(spec.state_feature, ()), spec.state_dim)
    environment = None
    if spec.environment_feature is not None:
        environment = EnvironmentContract("/environment", spec.environment_feature)
    made = Contract(
        robot=robot,
        rate_hz=fps,
        cameras=cameras,
        state=StateContract((StatePart(_STATE_TOPIC, spec.state_feature, state),)),
        command=CommandContract(
            (
                CommandPart(
                    JOINT_COMMANDS,
                    JOINT_STATE,
                    action,
                    measured=StatePart(_STATE_TOPIC, None, action),
                ),
            )
        ),
        environment=environment,
    )
    return made.bind(spec)


def _joints(names: Sequence[str], count: int) -> tuple[JointContract, ...]:
    if len(set(names)) != count or len(names) != count:
        names = [f"joint_{number}" for number in range(count)]
    return tuple(JointContract(name) for name in names)
