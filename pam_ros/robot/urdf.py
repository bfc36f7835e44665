# SPDX-License-Identifier: Apache-2.0
"""Joint limits from a URDF, for contracts that say `limits: urdf`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.parsers import expat

from pam_ros.robot.contract import contract_error
from pam_ros.robot.errors import ContractError

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import CommandPart, JointContract

MAX_CHARACTERS = 20_000_000
_BOUNDED = ("revolute", "prismatic")


Range = tuple[float, float]
"""Lower and upper limit [rad, or m]."""


@dataclass(frozen=True)
class UrdfJoint:
    """What a URDF says of a joint.

    Attributes:
        limits: <limit>'s lower and upper [rad, or m]; None for a joint without a range.
        max_velocity: [rad/s, or m/s]; None if it is not given.
        soft_limits: <safety_controller>'s soft_lower_limit and soft_upper_limit [rad, or m]; None
            if it has none.
        max_effort: [N.m, or N]; None if it is not given.
        slides: whether it is prismatic, so that its numbers are metres.
    """

    limits: Range | None
    max_velocity: float | None
    soft_limits: Range | None = None
    max_effort: float | None = None
    slides: bool = False


def read_urdf(text: str) -> dict[str, UrdfJoint]:
    """The joints of a URDF by name; those that do not move are left out.

    Raises:
        ContractError: it is no URDF, or has limits that are not finite numbers.
    """
    # Joints inside <transmission> and <ros2_control> have the same tag and other meanings.
    return {
        joint.get("name", ""): _joint(joint)
        for joint in urdf_root(text).findall("joint")
        if joint.get("type") in {*_BOUNDED, "continuous"}
    }


def urdf_root(text: str) -> ET.Element:
    """The <robot> of a URDF.

    Raises:
        ContractError: it is no URDF.
    """
    if len(text) > MAX_CHARACTERS:
        raise ContractError("the robot description is larger than 20 MB; that is no URDF")
    # A URDF has neither; both can blow up a short text into gigabytes, or read files.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ContractError("the robot description declares entities; a URDF has none")
    try:
        root = _parse(text)
    except (expat.ExpatError, ValueError) as error:
        raise ContractError(f"the robot description is no XML: {error}") from error
    if root.tag != "robot":
        raise ContractError(f"the robot description is a <{root.tag[:40]}>; a URDF is a <robot>")
    return root


def with_limits(contract: Contract, joints: dict[str, UrdfJoint]) -> Contract:
    """The contract with the URDF's limits: of the contract's, the hard and the soft the narrowest.

    Raises:
        ContractError: a commanded joint stays without limits or speed; lists every problem.
    """
    problems: list[str] = []
    parts = []
    for part in contract.command.parts:
        if part.limits_from == "urdf":
            part, wrong = _completed(part, joints)  # noqa: PLW2901
            where = f"{part.topic}: " if len(contract.command.parts) > 1 else ""
            problems += [f"{where}{problem}" for problem in wrong]
        parts.append(part)
    if problems:
        raise contract_error(f"contract '{contract.robot}' with /robot_description", problems)
    return replace(contract, command=replace(contract.command, parts=tuple(parts)))


def _completed(part: CommandPart, joints: dict[str, UrdfJoint]) -> tuple[CommandPart, list[str]]:
    problems: list[str] = []
    completed = []
    for joint in part.joints:
        found = joints.get(joint.name)
        if found is None:
            known = ", ".join(joints) or "none"
            problems.append(f"joint '{joint.name}' is not in the robot description ({known})")
            continue
        problems += _unit_problems(joint, found)
        complete = _narrower(joint, _in_kind(joint, found))
        problems += _limit_problems(joint, _in_kind(joint, found), complete)
        if not complete.bounded_in_time:
            key = joint.what.rate_key
            problems.append(f"joint '{joint.name}' has no speed there: give {key}")
        completed.append(complete)
    return replace(part, joints=tuple(completed)), problems


def _unit_problems(joint: JointContract, found: UrdfJoint) -> list[str]:
    """A sliding joint has no angle, and a turning one no length."""
    turning = {"deg", "deg/s"} if found.slides else {"m", "m/s", "N"}
    if joint.unit not in turning:
        return []
    kind, right = ("slides", "m") if found.slides else ("turns", "rad")
    told = f"joint '{joint.name}' {kind}, as the robot description has it"
    return [f"{told}, so that its unit cannot be '{joint.unit}': it is {right} or made of that"]


def _in_kind(joint: JointContract, found: UrdfJoint) -> UrdfJoint:
    """What bounds a command of this kind: of a velocity, that which a position may not exceed."""
    if joint.kind == "position":
        return found
    most = found.max_velocity if joint.kind == "velocity" else found.max_effort
    limits = None if most is None else (-most, most)
    return replace(found, limits=limits, max_velocity=None, soft_limits=None)


def _parse(text: str) -> ET.Element:
    """The root element, read as liberally as urdfdom's tinyxml2 reads it.

    That is: white space may come before the XML declaration, and a namespace is an attribute like
    any other, so that names stay as they are written, whatever xmlns or a prefix says.
    """
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(text.lstrip().removeprefix("\ufeff").lstrip(), True)
    return builder.close()


def _joint(joint: ET.Element) -> UrdfJoint:
    limit, safety = joint.find("limit"), joint.find("safety_controller")
    limits = velocity = soft = effort = None
    if limit is not None:
        if joint.get("type") in _BOUNDED:
            limits = _range(joint, limit, "lower", "upper")
        # Zero is how exporters write "not known".
        speed = _number(joint, limit, "velocity")
        velocity = speed if speed > 0 else None
        force = _number(joint, limit, "effort")
        effort = force if force > 0 else None
    if safety is not None:
        soft = _range(joint, safety, "soft_lower_limit", "soft_upper_limit")
    return UrdfJoint(limits, velocity, soft, effort, joint.get("type") == "prismatic")


def _range(joint: ET.Element, element: ET.Element, lower: str, upper: str) -> Range | None:
    """The two attributes; one that is missing is 0, as in urdfdom.

    None if both are 0: urdfdom's exporter writes that for limits that were never given, and a
    <safety_controller> needs its k_velocity alone. ros2_control's soft limiter takes an empty range
    for none too.
    """
    limits = (_number(joint, element, lower), _number(joint, element, upper))
    return None if limits == (0.0, 0.0) else limits


def _number(joint: ET.Element, element: ET.Element, key: str) -> float:
    (value,) = finite_numbers(joint, element, key, (0.0,))
    return value


def finite_numbers(
    joint: ET.Element, element: ET.Element, key: str, default: tuple[float, ...]
) -> tuple[float, ...]:
    """The numbers of an attribute of a joint's element, as many as the default has.

    Raises:
        ContractError: they are not that many, or not finite numbers.
    """
    text = element.get(key)
    if text is None:
        return default
    try:
        values = tuple(float(word) for word in text.split())
    except ValueError:
        values = ()
    if len(values) != len(default) or not all(map(math.isfinite, values)):
        name = joint.get("name")
        raise ContractError(f"the robot description's joint '{name}' has {key} '{text[:40]}'")
    return values


def _limit_problems(joint: JointContract, found: UrdfJoint, complete: JointContract) -> list[str]:
    """What is wrong with a joint's ranges, if anything: one sentence each."""
    if complete.limits is None:
        return [f"joint '{joint.name}' has no limits there: give limits in the contract"]
    ranges = {"limits": found.limits, "soft limits": found.soft_limits}
    problems = [
        f"joint '{joint.name}': the {word} {given} of the robot description are not a range: the "
        "lower must be below the upper"
        for word, given in ranges.items()
        if given is not None and given[0] >= given[1]
    ]
    lower, upper = complete.limits
    if not problems and not joint.what.latches and lower < upper and not lower <= 0.0 <= upper:
        limits = f"its limits {lower:g} to {upper:g}"
        return [f"joint '{joint.name}' is held at 0, and {limits} leave that out"]
    if problems or lower < upper:
        return problems
    told = " and ".join(f"the {word} {given}" for word, given in ranges.items() if given)
    told += " of the robot description"
    if joint.limits is not None:
        told = f"the limits {joint.limits} of the contract and {told}"
    return [f"joint '{joint.name}': {told} do not meet"]


def _narrower(joint: JointContract, found: UrdfJoint) -> JointContract:
    ranges = [each for each in (joint.limits, found.limits, found.soft_limits) if each is not None]
    limits = None
    if ranges:
        limits = (max(lower for lower, _ in ranges), min(upper for _, upper in ranges))
    speeds = [speed for speed in (joint.max_velocity, found.max_velocity) if speed is not None]
    # The same number, and its name in messages for people.
    unit = "m" if found.slides and joint.unit == "rad" else joint.unit
    return replace(joint, unit=unit, limits=limits, max_velocity=min(speeds, default=None))
