# SPDX-License-Identifier: Apache-2.0
"""State and command of a draft as lines of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.robot.draft.bounds import DATA, DESCRIPTION, SLOW_SLIDE, speed
from pam_ros.robot.draft.text import listed, number, scalar
from pam_ros.robot.draft.units import JointUnit
from pam_ros.robot.section import FILL_IN
from pam_ros.robot.values.joints import JOINT_STATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.draft.numbers import CommandPart, Number, Numbers, Part
    from pam_ros.robot.draft.seen import Seen
    from pam_ros.robot.draft.text import Lines

_STATE = "observation.state"
_CALIBRATION = (
    "lerobot's calibration of this arm, a .json file that tells the ends of each joint's travel; "
    "or write a range for each joint instead (docs/contract.md, Units)"
)
_LIMITS = (
    "limits bound every command. They are where the joint went in the training data and in what "
    "was seen, and a tenth more. Narrow them to what is safe on your robot [rad, or m]."
)


def write_state(out: Lines, spec: PolicySpec, found: Numbers) -> None:
    """The section `state`."""
    several = len(found.state) > 1
    lenders = [each.owner for each in found.command if each.lent]
    out.put("state:" if several else "state:                   # joint states in")
    choice = found.state_choice
    _write_tie(out, choice.tied)
    if several:
        out.guesses += 1
        out.comment(
            f"guess: {choice.why}, in this order: left before right, an arm before its gripper, a "
            "base last, as data sets usually have them. Is it that of the training data?",
            2,
        )
    for part in found.state:
        dash, indent = ("  - ", "    ") if several else ("  ", "  ")
        if part.topic is None:
            what = f"the topic of a {JOINT_STATE} ({choice.why})"
            out.gap(f"{dash}topic: {FILL_IN}", what, "state.topic")
        else:
            why = f"{len(part.numbers)} of them" if several else choice.why
            out.guess(f"{dash}topic: {part.topic.name}", why)
            if part.topic.type != JOINT_STATE:
                out.put(f"{indent}type: {part.topic.type}")
            if part.topic.unstamped:
                out.guess(f"{indent}stamp: arrival", "its headers have the stamp 0")
        if spec.state_feature is None:
            out.put(f"{indent}feature: null", "the policy reads none; this says where it stands")
        elif spec.state_feature != _STATE:
            out.put(f"{indent}feature: {scalar(spec.state_feature)}")
        _write_part(out, part, indent, limits=any(part is each for each in lenders))


def write_command(out: Lines, seen: Seen, found: Numbers) -> None:
    """The section `command`."""
    several = len(found.command) > 1
    choice = found.command_choice
    out.put("command:                 # actions out")
    _write_tie(out, choice.tied)
    for each in found.command:
        dash, indent = ("  - ", "    ") if several else ("  ", "  ")
        topic = each.part.topic
        if topic is None:
            what = f"the topic that takes the commands ({choice.why})"
            out.gap(f"{dash}topic: {FILL_IN}", what, "command.topic")
            what = "its type, one of those that docs/contract.md lists"
            out.gap(f"{indent}type: {FILL_IN}", what, "command.type")
        else:
            heard = f"{listed(topic.listeners)} listens" if topic.listeners else "its name says so"
            out.guess(f"{dash}topic: {topic.name}", f"{heard}, and {choice.why}")
            out.put(f"{indent}type: {topic.type}")
        _write_measured(out, each, found, indent)
        if each.part.fields:
            _write_fields(out, each.part, indent)
        else:
            _write_speed(out, seen, each, found, indent)
            if not each.lent:
                _write_bounds(out, seen, each, indent)


def _write_tie(out: Lines, tied: str) -> None:
    if tied:
        out.guesses += 1
        out.comment(f"guess, and a tie: {tied} would do as well.", 2)


def _write_part(out: Lines, part: Part, indent: str, *, limits: bool) -> None:
    """Unit and joints of a part of the state; limits: for the command that has the same joints."""
    if part.fields:
        names = ", ".join(each.name or FILL_IN for each in part.numbers)
        out.guess(f"{indent}fields: [{names}]", "as a base on wheels has them")
        return
    common = _write_unit(out, part, indent)
    if part.why:
        out.guesses += 1
        out.comment(f"guess: {part.why}.", len(indent))
    if limits:
        _write_limits_words(out, part.numbers, indent)
    out.put(f"{indent}joints:")
    for place, each in enumerate(part.numbers):
        _write_joint(out, each, place, indent, _own_unit(each, common), limits=limits)


def _write_unit(out: Lines, part: Part, indent: str) -> JointUnit:
    """The unit of most joints of a part, which stands there for all."""
    units = [each.unit for each in part.numbers if each.unit is not None]
    common = max(units, key=units.count) if units else JointUnit("", "rad, deg or percent")
    where = f" of {part.topic.name}" if part.topic is not None else " of the state"
    if not common.unit:
        out.gap(f"{indent}unit: {FILL_IN}", common.why, f"unit{where}")
        return common
    out.guess(f"{indent}unit: {common.unit}", common.why)
    if common.unit in {"deg", "percent"} and any(unit.ranged for unit in units):
        # It tells a gripper's 0..100 as well.
        out.gap(f"{indent}calibration: {FILL_IN}", _CALIBRATION, f"calibration{where}")
    return common


def _own_unit(each: Number, common: JointUnit) -> tuple[str, str]:
    """What a joint says of its unit, if it is not the part's; and why."""
    unit = each.unit
    if unit is None or unit == common or (unit.unit == common.unit and not unit.ranged):
        return "", ""
    if unit.ranged and common.unit in {"deg", "percent"}:
        return "", unit.why  # the calibration tells
    if not unit.unit:
        return f", unit: {FILL_IN}", unit.why
    if not unit.ranged:
        return f", unit: {unit.unit}", unit.why
    scaled = f", scale: {unit.scale:g}, offset: {unit.offset:g}" if unit.scale != 1 else ""
    why = f"{unit.why}; range is the two ends of its travel in rad"
    return f", unit: {unit.unit}, range: {FILL_IN}{scaled}", why


def _write_joint(
    out: Lines, each: Number, place: int, indent: str, own: tuple[str, str], *, limits: bool
) -> None:
    extra, why = own
    bounds = _bounds(each) if limits else ""
    line = f"{indent}  - {{name: {scalar(each.name) if each.name else FILL_IN}{bounds}{extra}}}"
    if not each.name:
        which = listed(each.maybe, 12, "or") if each.maybe else "no message names it"
        out.gap(line, f"number {place} of the policy here: {which}", f"joint {place}")
    elif extra and FILL_IN in extra:
        out.gap(line, why, f"'{each.name}'")
    elif FILL_IN in line:
        what = "[lower, upper] in rad, a little inside its travel: measure it"
        out.gap(line, f"{what} ({why})" if why else what, f"limits of '{each.name}'")
    elif why:
        out.guess(line, why)
    else:
        out.put(line)


def _write_measured(out: Lines, each: CommandPart, found: Numbers, indent: str) -> None:
    owner = None if each.owner is None else each.owner.topic
    if len(found.state) > 1 and owner is not None and not each.part.fields:
        out.guess(f"{indent}measured_by: {owner.name}", "its name or its joints are the nearest")


def _write_speed(out: Lines, seen: Seen, each: CommandPart, found: Numbers, indent: str) -> None:
    names = [one.name for one in each.part.numbers]
    measured = found.state if each.owner is None else (each.owner,)
    topics = [part.topic for part in (each.part, *measured) if part.topic is not None]
    fastest, why = speed(names, [topic.fastest for topic in topics])
    told = [seen.description[name].max_velocity for name in names if name in seen.description]
    slowest = min((one for one in told if one), default=0.0)
    if 0 < slowest < fastest:
        fastest, why = slowest, "the slowest joint's in /robot_description"
    if any(one.unit is not None and one.unit.unit == "m" for one in each.part.numbers):
        fastest = min(fastest, SLOW_SLIDE) if len(names) == 1 else fastest
    out.guess(f"{indent}max_velocity: {number(fastest)}", f"rad/s; {why}")


def _write_bounds(out: Lines, seen: Seen, each: CommandPart, indent: str) -> None:
    """Joints of a command that are not just those of one part of the state."""
    del seen
    _write_limits_words(out, each.part.numbers, indent)
    out.put(f"{indent}joints:")
    for place, one in enumerate(each.part.numbers):
        _write_joint(out, one, place, indent, ("", ""), limits=True)


def _write_limits_words(out: Lines, numbers: Sequence[Number], indent: str) -> None:
    if any(each.bound.source == DATA for each in numbers):
        out.guesses += 1
        out.comment(f"guess: {_LIMITS}", len(indent))
    if any(each.bound.source == DESCRIPTION for each in numbers):
        out.comment("limits bound every command: those of /robot_description.", len(indent))


def _bounds(each: Number) -> str:
    if each.bound.limits is None:
        limits = FILL_IN
    else:
        limits = f"[{number(each.bound.limits[0])}, {number(each.bound.limits[1])}]"
    slides = each.unit is not None and each.unit.unit == "m"
    slow = f", max_velocity: {number(SLOW_SLIDE)}" if slides else ""
    return f", limits: {limits}{slow}"


def _write_fields(out: Lines, part: Part, indent: str) -> None:
    out.guess(f"{indent}max_acceleration: 0.5", "m/s^2 and rad/s^2, slow on purpose")
    out.guesses += 1
    out.comment("guess: limits are what the training data reach.", len(indent))
    out.put(f"{indent}fields:")
    for place, each in enumerate(part.numbers):
        limits = each.bound.limits
        name = each.name or FILL_IN
        if limits is not None and each.name:
            ends = f"[{number(limits[0])}, {number(limits[1])}]"
            out.put(f"{indent}  - {{name: {name}, limits: {ends}}}")
        else:
            line = f"{indent}  - {{name: {name}, limits: {FILL_IN}}}"
            out.gap(line, "a field and its [lower, upper], 0 between them", f"field {place}")
