# SPDX-License-Identifier: Apache-2.0
"""A contract held against a recording's topics, without a policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.export.errors import ExportError
from pam_ros.observations.topics import in_bag
from pam_ros.robot.contract_file import load_contract
from pam_ros.robot.parts import CommandContract
from pam_ros.robot.sync import sources_by_topic
from pam_ros.robot.topics import full_name
from pam_ros.robot.values.registry import COMMAND_TYPES
from pam_ros.share.folders import find_contract

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pam_ros.export.settings import ExportSettings
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.parts import CommandPart


def contract_of(
    settings: ExportSettings, types: Mapping[str, str] | None = None, bag: Path | None = None
) -> Contract:
    """The contract, with the topics by the names that the recording has for them.

    Args:
        settings: name the contract, and other names for its topics.
        types: of the recording's topics, by name; None to look at the contract alone.
        bag: for the error.

    Raises:
        ExportError: the recording lacks a topic, or a setting names one that is not there.
        ContractError: the file is wrong.
    """
    contract = load_contract(find_contract(settings.contract))
    contract = _with_pictures(_full_names(contract, settings), settings)
    if types is None or bag is None:
        return contract
    remaps = {full_name(ours, settings.node): name for ours, name in settings.remaps.items()}
    moved = {p.topic: remaps.pop(p.topic, p.topic) for p in contract.command.parts}
    contract = in_bag(contract, types, remaps, bag)
    parts = [
        _in_bag(replace(part, topic=moved[part.topic]), types, bag)
        for part in contract.command.parts
    ]
    return replace(contract, command=CommandContract(tuple(parts)))


def _in_bag(part: CommandPart, types: Mapping[str, str], bag: Path) -> CommandPart:
    """A part of the command, with its type as it was recorded."""
    topic, kind = part.topic, types.get(part.topic, "")
    if kind not in COMMAND_TYPES:
        what = f"it is {kind}" if kind else "there is no such topic"
        others = ", ".join(f"{t} [{k}]" for t, k in sorted(types.items()) if k in COMMAND_TYPES)
        raise ExportError(
            f"bag {bag} lacks commands on {topic} ({what}): an action is what was commanded, as "
            f"{' or '.join(COMMAND_TYPES)}. It has {others or 'no topic of such a type'}. Another "
            "name: --topic CONTRACT_TOPIC=BAG_TOPIC"
        )
    return replace(part, type=kind)


def whole_fps(settings: ExportSettings, contract: Contract) -> int:
    """Frames per second of the dataset.

    Raises:
        ExportError: the contract's rate is not a whole number, and no other was named.
    """
    if settings.fps:
        return settings.fps
    if not float(contract.rate_hz).is_integer():
        raise ExportError(
            f"the contract's rate_hz is {contract.rate_hz:g}, and LeRobot counts whole frames per "
            f"second: name one with --fps, such as --fps {max(1, round(contract.rate_hz))}"
        )
    return int(contract.rate_hz)


def _full_names(contract: Contract, settings: ExportSettings) -> Contract:
    def full(topic: str) -> str:
        return full_name(topic, settings.node)

    moved = contract.with_topics({topic: full(topic) for topic in sources_by_topic(contract)})
    return replace(
        moved,
        command=CommandContract(
            tuple(replace(part, topic=full(part.topic)) for part in moved.command.parts)
        ),
    )


def _with_pictures(contract: Contract, settings: ExportSettings) -> Contract:
    """With the cameras' pictures as they are to be stored."""

    def stored(camera: CameraContract) -> CameraContract:
        # The policy's size is not known before there is a policy.
        keep = settings.pictures == "contract" and camera.resize != "policy"
        return camera if keep else replace(camera, resize=None)

    return replace(contract, cameras=tuple(stored(camera) for camera in contract.cameras))
