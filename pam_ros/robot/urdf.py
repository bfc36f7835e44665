# SPDX-License-Identifier: Apache-2.0
"""Joint limits from a URDF, for contracts that say `limits: urdf`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pam_ros.robot.contract import contract_error
from pam_ros.robot.errors import ContractError

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract, JointContract

MAX_CHARACTERS = 20_000_000
_BOUNDED = ("revolute", "prismatic")


@dataclass(frozen=True)
class UrdfJoint:
    """What a URDF says of a joint: limits [rad, or m], None for one that turns on and on; speed."""

    limits: tuple[float, float] | None
    max_velocity: float | None


def read_urdf(text: str) -> dict[str, UrdfJoint]:
    """The joints of a URDF by name; those that do not move are left out.

    Raises:
        ContractError: it is no URDF, or has limits that are no numbers.
    """
    if len(text) > MAX_CHARACTERS:
        raise ContractError("the robot description is larger than 20 MB; that is no URDF")
    # A URDF has neither; both can blow up a short text into gigabytes, or read files.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ContractError("the robot description declares entities; a URDF has none")
    try:
        root = ET.fromstring(text)  # noqa: S314  (without entities, see above)
    except (ET.ParseError, ValueError) as error:
        raise ContractError(f"the robot description is no XML: {error}") from error
    if root.tag != "robot":
        raise ContractError(f"the robot description is a <{root.tag}>; a URDF is a <robot>")
    # Joints inside <transmission> and <ros2_control> have the same tag and other meanings.
    return {
        joint.get("name", ""): _joint(joint)
        for joint in root.findall("joint")
        if joint.get("type") in {*_BOUNDED, "continuous"}
    }


def with_limits(contract: Contract, joints: dict[str, UrdfJoint]) -> Contract:
    """The contract with the URDF's limits; where it has its own as well, the narrower ones.

    Raises:
        ContractError: a commanded joint stays without limits or speed; lists every problem.
    """
    problems: list[str] = []
    completed = []
    for joint in contract.command.joints:
        found = joints.get(joint.name)
        if found is None:
            known = ", ".join(joints) or "none"
            problems.append(f"joint '{joint.name}' is not in the robot description ({known})")
            continue
        complete = _narrower(joint, found)
        if complete.limits is None:
            problems.append(
                f"joint '{joint.name}' has no limits there: give limits in the contract"
            )
        elif complete.limits[0] >= complete.limits[1]:
            problems.append(
                f"joint '{joint.name}': the limits {joint.limits} of the contract and "
                f"{found.limits} of the robot description do not meet"
            )
        if complete.max_velocity is None and complete.max_step is None:
            problems.append(f"joint '{joint.name}' has no speed there: give max_velocity")
        completed.append(complete)
    if problems:
        raise contract_error(f"contract '{contract.robot}' with /robot_description", problems)
    return replace(contract, command=replace(contract.command, joints=tuple(completed)))


def _joint(joint: ET.Element) -> UrdfJoint:
    limit = joint.find("limit")
    if limit is None:
        return UrdfJoint(None, None)
    limits = None
    if joint.get("type") in _BOUNDED:
        limits = (_number(joint, limit, "lower"), _number(joint, limit, "upper"))
    velocity = _number(joint, limit, "velocity")
    # Zero is how exporters write "not known".
    return UrdfJoint(limits, velocity if velocity > 0 else None)


def _number(joint: ET.Element, limit: ET.Element, key: str) -> float:
    text = limit.get(key, "0")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        name = joint.get("name")
        raise ContractError(f"the robot description's joint '{name}' has {key} '{text[:40]}'")
    return value


def _narrower(joint: JointContract, found: UrdfJoint) -> JointContract:
    limits = joint.limits or found.limits
    if joint.limits is not None and found.limits is not None:
        limits = (
            max(joint.limits[0], found.limits[0]),
            min(joint.limits[1], found.limits[1]),
        )
    speeds = [speed for speed in (joint.max_velocity, found.max_velocity) if speed is not None]
    return replace(joint, limits=limits, max_velocity=min(speeds, default=None))
