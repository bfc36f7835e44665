# SPDX-License-Identifier: Apache-2.0
"""Which topic of the state tells where the joints of a command stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.robot.parts import StatePart
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.registry import STATE_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.robot.joint_file import PartSection
    from pam_ros.robot.parts import JointContract, StateContract
    from pam_ros.robot.values.interface import ValueType


@dataclass(frozen=True)
class Lender:
    """What a part of the command has to know to find its joints in the state.

    `asked`: the topic that the part itself names as the one that measures it.
    """

    part: PartSection
    state: StateContract
    known: ValueType
    kind: str
    asked: str | None


def owner_of(lender: Lender, names: Sequence[str]) -> StatePart | None:
    """The topic that has these joints, all of them if there are no names; None if several might.

    Its joints are all positions that the state names there.
    """
    found = _choose(lender, names)
    return found[0] if len(found) == 1 else None


def measured_part(lender: Lender, joints: Sequence[JointContract]) -> StatePart | None:
    """Where these joints stand, in their order; None for what is no position."""
    positions = [joint for joint in joints if joint.kind == "position"]
    if lender.asked is not None and lender.asked not in lender.state.topics:
        topics = ", ".join(lender.state.topics)
        lender.part.problem(
            f"measured_by is '{lender.asked}', which is no topic of the state ({topics})"
        )
        return None
    if not positions or not lender.state.parts:
        return None
    names = [joint.name for joint in positions]
    found = _choose(lender, names)
    if len(found) != 1:
        lender.part.problem(_unclear(found, names))
        return None
    (owner,) = found
    if STATE_TYPES[owner.type].named:
        read = [replace(joint, field="position") for joint in positions]
    else:
        known = {joint.name: joint for joint in owner.joints}
        unlisted = [name for name in names if name not in known]
        if owner.type == FLOAT64_MULTI_ARRAY and unlisted:
            lender.part.problem(_unlisted(owner, unlisted))
            return None
        read = [replace(joint, field=known[joint.name].field) if joint.name in known else joint
                for joint in positions]  # fmt: skip
    return StatePart(owner.topic, None, tuple(read), owner.type)


def _unlisted(owner: StatePart, names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        f"{owner.topic} tells where its joints stand and does not list {listed}, and nobody else "
        "knows which number of the array that is: list it under state, with 'feature: null' in a "
        "part of its own if the policy does not read it"
    )


def _unclear(found: Sequence[StatePart], names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:6]) + (" and more" if names[6:] else "")
    if not found:
        return (
            f"no part of the state tells where {listed} stand, and commands must begin there: add "
            "one, with 'feature: null' if the policy does not read it"
        )
    topics = " or ".join(part.topic for part in found)
    return (
        f"{listed} may be measured by {topics}: say which, with 'measured_by: {found[0].topic}' or "
        "the like"
    )


def _choose(lender: Lender, names: Sequence[str]) -> list[StatePart]:
    """The one topic that it is, or those that it may be."""
    able = _able(lender, names)
    if lender.asked is not None:
        return [part for part in able if part.topic == lender.asked]
    # A topic that names some of them may be meant as well as one that names all: drivers publish
    # joints that a policy does not read. Of several, the name of the topic decides, or a person.
    naming = [part for part in able if {joint.name for joint in part.joints} & {*names}]
    found = naming or [part for part in able if _may_have(lender, part)]
    near = [_common(part.topic, lender.part.topic) for part in found]
    return [part for part, each in zip(found, near, strict=True) if each == max(near)]


def _able(lender: Lender, names: Sequence[str]) -> list[StatePart]:
    """The topics that can tell where something stands, each with all its positions."""
    found = []
    for topic, kind in lender.state.topics.items():
        known = STATE_TYPES[kind]
        here = [part for part in lender.state.parts if part.topic == topic]
        joints = [joint for part in here for joint in part.joints if joint.kind == "position"]
        if lender.kind:
            fits = known.named or kind == FLOAT64_MULTI_ARRAY
        else:
            fits = not known.fields.keys().isdisjoint(names)
        if fits:
            found.append(StatePart(topic, None, tuple(joints), kind))
    return found


def _may_have(lender: Lender, owner: StatePart) -> bool:
    """Whether a topic may have what the contract does not list there."""
    if not lender.kind:
        return True
    return STATE_TYPES[owner.type].named and lender.part.key(lender.known) == "joints"


def _common(one: str, other: str) -> int:
    """How many steps of their names two topics begin with alike."""
    steps = zip(one.strip("/").split("/")[:-1], other.strip("/").split("/")[:-1], strict=False)
    count = 0
    for left, right in steps:
        if left != right:
            break
        count += 1
    return count
