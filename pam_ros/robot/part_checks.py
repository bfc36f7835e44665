# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the parts of a contract: overlaps, gaps, joints that nothing bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.robot.values.arrays import place_of
from pam_ros.robot.values.kinds import KINDS
from pam_ros.robot.values.spatial import POSE_COMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.robot.joint_file import PartSection
    from pam_ros.robot.parts import CommandPart, JointContract, StateContract, StatePart
    from pam_ros.robot.stamps import Stamping

_CHANGES = {
    "position": "a speed: give max_velocity [rad/s] or max_step [rad per period]",
    "velocity": "a bound on its changes: give max_acceleration [its unit per second] or max_step "
    "[its unit per period]",
    "effort": "a bound on its changes: give max_effort_rate [its unit per second] or max_step "
    "[its unit per period]",
}


def check_overlaps(sections: Sequence[PartSection], parts: Sequence[StatePart]) -> None:
    """No number of the state is read twice, and a topic has one type."""
    owners: dict[tuple[str, str, str], int] = {}
    types: dict[str, tuple[int, str]] = {}
    for place, (section, part) in enumerate(zip(sections, parts, strict=True)):
        before, kind = types.setdefault(part.topic, (place, part.type))
        if kind != part.type:
            section.problem(f"is a {part.type}, and state[{before}] has the topic as a {kind}")
            continue
        again = []
        for joint in part.joints:
            first = owners.setdefault((part.topic, joint.name, joint.field), place)
            if first != place:
                again.append((joint.name, first))
        if again:
            names = ", ".join(f"'{name}'" for name, _ in again)
            section.problem(f"overlaps state[{again[0][1]}], which reads {names} of the same topic")


def check_stampings(sections: Sequence[PartSection], parts: Sequence[StatePart]) -> None:
    """Parts of one topic read the same messages, which are of one time."""
    seen: dict[str, tuple[int, Stamping]] = {}
    for place, (section, part) in enumerate(zip(sections, parts, strict=True)):
        before, stamping = seen.setdefault(part.topic, (place, part.stamping))
        if part.topic and stamping != part.stamping:
            section.problem(
                f"shares its topic with state[{before}]: give both the same stamp and "
                "stamp_offset_s"
            )


def check_commands(
    sections: Sequence[PartSection], parts: Sequence[CommandPart], state: StateContract
) -> None:
    """A topic has one part, no joint is commanded twice, and no command is taken for a state."""
    topics: dict[str, int] = {}
    joints: dict[tuple[str, str], int] = {}
    for place, (section, part) in enumerate(zip(sections, parts, strict=True)):
        if part.topic and part.topic in state.topics:
            section.section.problem(
                "topic", "is the topic of the joint states; commands need their own"
            )
        first = topics.setdefault(part.topic, place)
        if part.topic and first != place:
            section.problem(
                f"goes to the topic of command[{first}]: a message commands all joints of its "
                "topic, so that they make up one part"
            )
            continue
        for joint in part.joints:
            owner = _owner(section, part, joint, state)
            before = joints.setdefault((owner, joint.name), place) if owner else place
            if before != place:
                section.problem(
                    f"joint '{joint.name}' of {owner} is commanded twice: command[{before}] "
                    f"({parts[before].topic}) has it already"
                )


def _owner(
    section: PartSection, part: CommandPart, joint: JointContract, state: StateContract
) -> str:
    """The topic of the state whose joint this is, for all that the contract says; empty if any."""
    if part.measured is not None:
        return part.measured.topic
    asked = section.section.data.get("measured_by")
    if isinstance(asked, str):
        return asked
    # A velocity or an effort is measured by nobody. A field is no name that is one's own.
    named = joint.name != joint.field
    homes = {each.topic for each in state.parts for known in each.joints
             if named and known.name == joint.name}  # fmt: skip
    return homes.pop() if len(homes) == 1 else ""


def check_commanded(part: PartSection, joints: Sequence[JointContract]) -> None:
    """What is commanded has limits and a speed: without them nothing bounds the robot."""
    for joint in joints:
        if joint.limits is None:
            unit = f" in {joint.message_unit}" if joint.message_unit else ""
            urdf = ", or 'limits: urdf' under command" if joint.kind == "position" else ""
            part.problem(
                f"joint '{joint.name}' is commanded without limits: give limits: [lower, upper]"
                f"{unit}{urdf}"
            )
        elif not joint.what.latches and not joint.limits[0] <= 0.0 <= joint.limits[1]:
            part.problem(
                f"joint '{joint.name}' is held at 0, and its limits {joint.limits[0]:g} to "
                f"{joint.limits[1]:g} leave that out"
            )
    for joint in joints:
        for kind in KINDS.values():
            if kind.name != joint.kind and getattr(joint, kind.rate_key) is not None:
                part.problem(
                    f"joint '{joint.name}' is commanded by {joint.kind}, and {kind.rate_key} is "
                    f"for a {kind.name}: give {joint.what.rate_key}"
                )
        if not joint.bounded_in_time:
            part.problem(
                f"joint '{joint.name}' is commanded without {_CHANGES[joint.kind]}, under command "
                "for all joints or under this one"
            )


def check_pose(part: PartSection, joints: Sequence[JointContract]) -> None:
    """A pose is commanded whole: what a part left out would be 0, which is some other pose."""
    given = [joint.name for joint in joints]
    turned = [name for name in given if name.startswith("orientation.")]
    if turned:
        part.problem(
            f"'{turned[0]}' is a quaternion's, whose four numbers cannot be bounded one by one: "
            "command rpy.roll, rpy.pitch and rpy.yaw"
        )
        return
    missing = [name for name in POSE_COMMAND if name not in given]
    if missing:
        part.problem(
            f"leaves a gap: a pose is commanded whole, and {', '.join(missing)} is missing"
        )


def check_array(part: PartSection, joints: Sequence[JointContract]) -> None:
    """An array is commanded whole, too."""
    places = sorted(place_of(joint.field) for joint in joints if joint.field.startswith("data["))
    if places and places != list(range(len(places))):
        missing = next(k for k in range(places[-1] + 1) if k not in places)
        part.problem(
            f"leaves a gap: data[{missing}] is commanded by nobody; the numbers of an array must "
            "follow each other from data[0]"
        )
