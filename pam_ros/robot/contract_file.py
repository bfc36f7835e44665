# SPDX-License-Identifier: Apache-2.0
"""Contract files: YAML to a validated Contract, with every problem of the file in one error."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pam_ros.robot.commands import COMMAND_TYPES
from pam_ros.robot.contract import (
    CAMERA_TYPES,
    JOINT_STATE,
    LIMIT_MARGIN,
    MAX_AGE_S,
    SYNC_TOLERANCE_S,
    UNITS,
    CameraContract,
    CommandContract,
    Contract,
    Crop,
    EnvironmentContract,
    JointContract,
    Size,
    StateContract,
    contract_error,
)
from pam_ros.robot.images import ENCODINGS
from pam_ros.robot.section import Section, load_yaml, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

_CAMERA_NAME = re.compile(r"[a-z][a-z0-9_]*")
# ROS 2 names: tokens of letters, digits and underscores that do not start with a digit.
_TOPIC = re.compile(r"(/|~/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
# Two turns; a joint limit beyond it was written in degrees.
_LARGEST_RAD = 4 * math.pi
LIMITS_FROM = ("contract", "urdf")
_STATE_FEATURE = "observation.state"
_ENVIRONMENT_FEATURE = "observation.environment_state"


def load_contract(path: str | Path) -> Contract:
    """Reads and validates a contract file.

    Raises:
        ContractError: the file cannot be read, or is wrong; lists every problem.
    """
    path = Path(path)
    return parse_contract(load_yaml(path), str(path))


def parse_contract(data: object, name: str) -> Contract:
    """A contract from parsed YAML; ``name`` stands for the file in messages.

    Raises:
        ContractError: it is wrong; lists every problem.
    """
    problems: list[str] = []
    root = Section(data, "", problems)
    contract = _read_contract(root) if root.data else None
    if contract is None or problems:
        empty = "the file is empty; it needs robot, rate_hz, cameras, state and command"
        problems = list(dict.fromkeys(problems)) or [empty]
        raise contract_error(f"contract {name} has {_count(problems)}", problems)
    return contract


def _read_contract(root: Section) -> Contract:
    rate_hz = root.number("rate_hz", required=True, above=0, maximum=1000)
    tolerance = root.number("sync_tolerance_s", minimum=0, maximum=10)
    max_age = root.number("max_age_s", above=0, maximum=60)
    contract = Contract(
        robot=root.text("robot", required=True) or "",
        rate_hz=rate_hz or 1.0,
        cameras=_read_cameras(root),
        state=(state := _read_state(root)),
        command=_read_command(root, state),
        environment=_read_environment(root),
        trigger=root.text("trigger"),
        sync_tolerance_s=SYNC_TOLERANCE_S if tolerance is None else tolerance,
        max_age_s=MAX_AGE_S if max_age is None else max_age,
        units_confirmed=root.switch("units_confirmed") or False,
    )
    root.finish()
    names = [camera.name for camera in contract.cameras]
    if contract.trigger is not None and contract.trigger not in names:
        root.problem(
            "trigger",
            f"is '{contract.trigger}', which is no camera of this file ({', '.join(names)})"
            f"{suggestion(contract.trigger, names)}",
        )
    if contract.sync_tolerance_s > contract.max_age_s:
        root.problem("sync_tolerance_s", "is larger than max_age_s; it must be smaller")
    return contract


def _read_cameras(root: Section) -> tuple[CameraContract, ...]:
    cameras = [
        _read_camera(Section(item, f"cameras[{index}]", root.problems))
        for index, item in enumerate(root.items("cameras", required=True))
    ]
    for field in ("name", "topic", "feature"):
        values = [getattr(camera, field) for camera in cameras]
        root.problems.extend(
            f"cameras: {field} '{value}' is given twice" for value in _repeated(values)
        )
    return tuple(cameras)


def _read_camera(section: Section) -> CameraContract:
    name = section.text("name", required=True)
    if name is not None and not _CAMERA_NAME.fullmatch(name):
        section.problem(
            "name",
            f"is '{name}'; it becomes part of a topic: lower-case letters, digits and underscores, "
            "a letter first",
        )
    feature = section.text("feature", required=True)
    if feature is not None and not feature.startswith("observation.image"):
        section.problem("feature", f"is '{feature}'; it must start with observation.images.")
    kind = section.choice("type", CAMERA_TYPES) or CAMERA_TYPES[0]
    encoding = section.choice("encoding", tuple(ENCODINGS))
    camera = CameraContract(
        name=name or "",
        topic=_topic(section),
        type=kind,
        feature=feature or "",
        encoding=encoding,
        crop=_read_crop(section),
        resize=_read_resize(section),
    )
    if camera.encoding is not None and camera.compressed:
        section.problem("encoding", "says nothing about a CompressedImage; remove it")
    section.finish()
    return camera


def _read_crop(camera: Section) -> Crop | None:
    section = camera.section("crop")
    if section is None:
        return None
    x, y = section.whole("x", required=True), section.whole("y", required=True)
    width = section.whole("width", required=True, minimum=1)
    height = section.whole("height", required=True, minimum=1)
    section.finish()
    return Crop(x or 0, y or 0, width or 1, height or 1)


def _read_resize(camera: Section) -> Size | Literal["policy"] | None:
    if camera.data.get("resize") == "policy":
        camera.take("resize")
        return "policy"
    if isinstance(camera.data.get("resize"), str):
        camera.take("resize")
        camera.problem("resize", "must be {height: ..., width: ...} or the word policy")
        return None
    section = camera.section("resize")
    if section is None:
        return None
    height = section.whole("height", required=True, minimum=1)
    width = section.whole("width", required=True, minimum=1)
    section.finish()
    return Size(height or 1, width or 1)


def _read_state(root: Section) -> StateContract:
    section = root.section("state", required=True)
    if section is None:
        return StateContract("", None, ())
    feature = _STATE_FEATURE
    if "feature" in section.data:
        feature = section.text("feature") or ""
    unit = section.choice("unit", UNITS) or "rad"
    template = JointContract("", unit=unit)
    joints = _read_joints(section, template, known=())
    topic = _topic(section)
    section.finish()
    _check_joints(section, joints)
    return StateContract(topic, feature or None, joints)


def _read_environment(root: Section) -> EnvironmentContract | None:
    section = root.section("environment")
    if section is None:
        return None
    feature = section.text("feature") or _ENVIRONMENT_FEATURE
    environment = EnvironmentContract(_topic(section), feature)
    section.finish()
    return environment


def _read_command(root: Section, state: StateContract) -> CommandContract:
    section = root.section("command", required=True)
    if section is None:
        return CommandContract("", JOINT_STATE, ())
    kind = section.choice("type", tuple(COMMAND_TYPES), required=True)
    unit = section.choice("unit", UNITS)
    velocity, step = _speed(section, "max_velocity"), _speed(section, "max_step")
    if section.has("joints"):
        joints = _read_joints(section, JointContract("", unit=unit or "rad"), known=state.joints)
    else:
        section.take("joints")
        joints = state.joints
    if unit is not None:
        joints = tuple(replace(joint, unit=unit) for joint in joints)
    joints = tuple(
        replace(
            joint,
            max_velocity=joint.max_velocity or velocity,
            max_step=joint.max_step or step,
        )
        for joint in joints
    )
    margin = section.number("limit_margin", minimum=0, maximum=1)
    limits_from = section.choice("limits", LIMITS_FROM) or LIMITS_FROM[0]
    command = CommandContract(
        topic=_topic(section),
        type=kind or JOINT_STATE,
        joints=joints,
        limit_margin=LIMIT_MARGIN if margin is None else margin,
        limits_from=limits_from,
    )
    section.finish()
    _check_joints(section, joints)
    if limits_from == "contract":
        _check_commanded(section, joints)
    if command.topic and command.topic == state.topic:
        section.problem("topic", "is the topic of the joint states; commands need their own")
    return command


def _read_joints(
    section: Section, template: JointContract, known: tuple[JointContract, ...]
) -> tuple[JointContract, ...]:
    """Entries are names, or mappings with a name; a known joint lends what an entry leaves out."""
    joints = []
    for index, item in enumerate(section.items("joints", required=True)):
        where = f"{section.path('joints')}[{index}]"
        data = {"name": item} if isinstance(item, str) else item
        entry = Section(data, where, section.problems)
        name = entry.text("name", required=True) or ""
        base = next((joint for joint in known if joint.name == name), replace(template, name=name))
        joints.append(_read_joint(entry, base))
    section.problems.extend(
        f"{section.path('joints')}: joint '{name}' is given twice"
        for name in _repeated(joint.name for joint in joints)
    )
    return tuple(joints)


def _read_joint(entry: Section, base: JointContract) -> JointContract:
    scale = entry.number("scale")
    if scale == 0:
        entry.problem("scale", "is 0; it must not be, since it is divided by on the way back")
    offset = entry.number("offset")
    joint = replace(
        base,
        unit=entry.choice("unit", UNITS) or base.unit,
        scale=base.scale if scale is None else scale,
        offset=base.offset if offset is None else offset,
        range=_pair(entry, "range") or base.range,
        limits=_pair(entry, "limits") or base.limits,
        max_velocity=_speed(entry, "max_velocity") or base.max_velocity,
        max_step=_speed(entry, "max_step") or base.max_step,
    )
    entry.finish()
    return joint


def _pair(entry: Section, key: str) -> tuple[float, float] | None:
    """The pair; a placeholder where it is wrong, so that it is not also called missing."""
    pair = entry.pair(key, largest=_LARGEST_RAD)
    return (0.0, 1.0) if pair is None and entry.has(key) else pair


def _speed(section: Section, key: str) -> float | None:
    speed = section.number(key, above=0)
    return 1.0 if speed is None and section.has(key) else speed


def _check_joints(section: Section, joints: tuple[JointContract, ...]) -> None:
    section.problems.extend(
        f"joint '{joint.name}' is in percent without a range: give range: [lower, upper] in rad, "
        "the two ends of its travel"
        for joint in joints
        if joint.unit == "percent" and joint.range is None
    )


def _check_commanded(section: Section, joints: tuple[JointContract, ...]) -> None:
    """A joint that is commanded has limits and a speed: without them nothing bounds the robot."""
    section.problems.extend(
        f"joint '{joint.name}' is commanded without limits: give limits: [lower, upper] in rad, or "
        "'limits: urdf' under command"
        for joint in joints
        if joint.limits is None
    )
    section.problems.extend(
        f"joint '{joint.name}' is commanded without a speed: give max_velocity [rad/s] or max_step "
        "[rad per period], under command for all joints or under this one"
        for joint in joints
        if joint.max_velocity is None and joint.max_step is None
    )


def _topic(section: Section) -> str:
    topic = section.text("topic", required=True)
    if topic is not None and not _TOPIC.fullmatch(topic):
        section.problem(
            "topic", f"is '{topic}', which is no ROS 2 topic name (for example /top/image_raw)"
        )
    return topic or ""


def _repeated(values: Iterable[str]) -> list[str]:
    listed = list(values)
    return sorted({value for value in listed if value and listed.count(value) > 1})


def _count(problems: list[str]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
