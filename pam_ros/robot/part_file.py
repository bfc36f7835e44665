# SPDX-License-Identifier: Apache-2.0
"""State and command of a contract file, each of one part or of several."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.robot.joint_file import (
    PartSection,
    check_joints,
    read_joints,
    read_rates,
    read_unit,
    with_rates,
)
from pam_ros.robot.measured import Lender, measured_part, owner_of
from pam_ros.robot.part_checks import (
    check_array,
    check_commanded,
    check_commands,
    check_overlaps,
    check_pose,
    check_stampings,
)
from pam_ros.robot.parts import (
    LIMIT_MARGIN,
    CommandContract,
    CommandPart,
    JointContract,
    StateContract,
    StatePart,
    told_apart,
)
from pam_ros.robot.section import Section, read_stamping
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.joints import JOINT_STATE
from pam_ros.robot.values.registry import COMMAND_TYPES, STATE_TYPES
from pam_ros.robot.values.spatial import POSE_STAMPED

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.robot.values.interface import ValueType

# ROS 2 names: tokens of letters, digits and underscores that do not start with a digit.
_TOPIC = re.compile(r"(/|~/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
LIMITS_FROM = ("contract", "urdf")
_STATE_FEATURE = "observation.state"


def read_topic(section: Section) -> str:
    """The name of a topic; empty where it is missing or wrong."""
    topic = section.text("topic", required=True)
    if topic is not None and not _TOPIC.fullmatch(topic):
        section.problem(
            "topic", f"is '{topic}', which is no ROS 2 topic name (for example /top/image_raw)"
        )
    return topic or ""


def read_state(root: Section, folder: Path | None) -> StateContract:
    """The state's parts."""
    sections = _sections(root, "state")
    parts = [_read_state_part(part, folder) for part in sections]
    features = list(dict.fromkeys(part.feature for part in parts if part.feature is not None))
    if len(features) > 1:
        root.problem("state", f"feeds {' and '.join(features)}; the parts make up one feature")
    check_overlaps(sections, parts)
    check_stampings(sections, parts)
    joints = told_apart([(part.topic, part.joints) for part in parts])
    told = [replace(part, joints=each) for part, each in zip(parts, joints, strict=True)]
    return StateContract(tuple(told))


def read_command(root: Section, state: StateContract, folder: Path | None) -> CommandContract:
    """The command's parts."""
    sections = _sections(root, "command")
    parts = [_read_command_part(part, state, folder) for part in sections]
    check_commands(sections, parts, state)
    joints = told_apart([(part.topic, part.joints) for part in parts])
    labels = {(part.topic, joint.name): joint.part for part in state.parts for joint in part.joints}
    told = []
    for part, each in zip(parts, joints, strict=True):
        # As the state calls them, so that both are drawn together.
        owner = part.measured.topic if part.measured is not None else ""
        named = [replace(j, part=labels.get((owner, j.name), j.part)) for j in each]
        told.append(replace(part, joints=tuple(named)))
    return CommandContract(tuple(told))


def _sections(root: Section, key: str) -> list[PartSection]:
    if not isinstance(root.data.get(key), list):
        section = root.section(key, required=True)
        return [] if section is None else [PartSection(section, read_topic(section), "")]
    found = []
    for index, item in enumerate(root.items(key, required=True)):
        section = Section(item, f"{key}[{index}]", root.problems)
        topic = read_topic(section)
        found.append(PartSection(section, topic, f"{section.where} ({topic}): "))
    return found


def _read_state_part(part: PartSection, folder: Path | None) -> StatePart:
    section = part.section
    feature = _STATE_FEATURE
    if "feature" in section.data:
        feature = section.text("feature") or ""
    name = section.choice("type", tuple(STATE_TYPES)) or JOINT_STATE
    known = STATE_TYPES[name]
    joints = read_joints(part, known, part.kind(known), folder=folder)
    stamping = read_stamping(section, part.topic, has_header=known.has_header)
    section.finish()
    check_joints(part, known, joints)
    return StatePart(part.topic, feature or None, joints, name, stamping)


def _read_command_part(part: PartSection, state: StateContract, folder: Path | None) -> CommandPart:
    section = part.section
    name = section.choice("type", tuple(COMMAND_TYPES), required=True)
    known = COMMAND_TYPES[name or JOINT_STATE]
    kind = part.kind(known)
    lender = Lender(part, state, known, kind, section.text("measured_by"))
    joints = _command_joints(part, lender, known, kind, folder)
    margin = section.number("limit_margin", minimum=0, maximum=1)
    limits_from = section.choice("limits", LIMITS_FROM) or LIMITS_FROM[0]
    frame_id = _read_frame(section, known)
    section.finish()
    check_joints(part, known, joints)
    if limits_from == "contract":
        check_commanded(part, joints)
    if known.name == POSE_STAMPED:
        check_pose(part, joints)
    if known.name == FLOAT64_MULTI_ARRAY:
        check_array(part, joints)
    measured = measured_part(lender, joints)
    return CommandPart(
        topic=part.topic,
        type=known.name,
        joints=joints,
        limit_margin=LIMIT_MARGIN if margin is None else margin,
        limits_from=limits_from,
        measured=measured,
        frame_id=frame_id,
    )


def _command_joints(
    part: PartSection, lender: Lender, known: ValueType, kind: str, folder: Path | None
) -> tuple[JointContract, ...]:
    """One per number; those of the state where the part lists none."""
    section = part.section
    owner = owner_of(lender, part.names(known))
    lent = owner.joints if owner is not None and kind in {"", "position"} else ()
    unlisted = None
    if part.key(known) == "joints" and not section.has("joints"):
        if owner is not None:
            # One without a name has been said.
            unlisted = [joint.name for joint in owner.joints if joint.name]
        elif not lender.state.parts:
            unlisted = []
    joints = read_joints(part, known, kind, lent, folder, unlisted)
    unit = read_unit(section, known, kind)
    rates = read_rates(section)
    if unit is not None:
        joints = tuple(replace(joint, unit=unit) for joint in joints)
    return tuple(with_rates(joint, rates, over=False) for joint in joints)


def _read_frame(section: Section, known: ValueType) -> str:
    frame = section.text("frame_id", required=known.name == POSE_STAMPED)
    if frame is not None and not (known.has_header and not known.named):
        section.problem("frame_id", f"says nothing about a {known.name}; remove it")
    return frame or ""
