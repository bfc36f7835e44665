# SPDX-License-Identifier: Apache-2.0
"""The joints or fields of one part of a contract file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.robot.calibration import UNITS as CALIBRATED_UNITS
from pam_ros.robot.calibration import ZEROS, Motor, read_calibration
from pam_ros.robot.errors import ContractError
from pam_ros.robot.parts import JointContract
from pam_ros.robot.section import FILL_IN, Section, suggestion
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.kinds import KINDS, UNITS, Field, field_of
from pam_ros.robot.values.spatial import short_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.robot.values.interface import ValueType

# Two turns; a joint limit beyond it was written in degrees.
_LARGEST_RAD = 4 * math.pi
_RATES = tuple(kind.rate_key for kind in KINDS.values())
_SLICE = re.compile(r"data\[(\d{1,4}):(\d{1,4})\]")


@dataclass(frozen=True)
class PartSection:
    """A part of a contract file: its section, its topic, and how problems name it.

    `where` is empty in a file whose state or command is not a list: its keys say enough.
    """

    section: Section
    topic: str
    where: str

    def problem(self, sentence: str) -> None:
        """One more, with the part's name and topic."""
        self.section.problems.append(f"{self.where}{sentence}")

    def kind(self, known: ValueType) -> str:
        """The kind of its numbers: what `kind` says, where the type leaves that open."""
        if known.named:
            return self.section.choice("kind", tuple(known.fields)) or "position"
        if known.name == FLOAT64_MULTI_ARRAY:
            return self.section.choice("kind", tuple(KINDS)) or "position"
        return ""

    def key(self, known: ValueType) -> str:
        """Where its numbers are listed: by name or by field."""
        if known.named or (known.name == FLOAT64_MULTI_ARRAY and not self.section.has("fields")):
            return "joints"
        return "fields"

    def names(self, known: ValueType) -> list[str]:
        """The names that are listed, without a look at what else is said."""
        listed = self.section.data.get(self.key(known))
        entries = listed if isinstance(listed, list) else []
        named = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
        return [name for name in named if isinstance(name, str)]


def read_joints(
    part: PartSection,
    known: ValueType,
    kind: str,
    lent: Sequence[JointContract] = (),
    folder: Path | None = None,
    unlisted: Sequence[str] | None = None,
) -> tuple[JointContract, ...]:
    """What a part lists.

    Entries are names, or mappings with a name.

    Args:
        part: of the file.
        known: its type.
        kind: of its numbers, where the type leaves that open.
        lent: joints whose values count where an entry leaves them out.
        folder: of the contract, for a calibration beside it.
        unlisted: the names of a part that lists none.
    """
    section = part.section
    key = part.key(known)
    unit = read_unit(section, known, kind)
    motors, zero = _read_calibration(part, folder)
    if motors and unit is None:
        unit = CALIBRATED_UNITS[0]
    joints = []
    for place, (where, item) in enumerate(_entries(section, key, unlisted)):
        data = {"name": item} if isinstance(item, str) else item
        entry = Section(data, where, section.problems)
        name = entry.text("name", required=True) or ""
        path = name if key == "fields" else f"data[{place}]"
        if known.named:
            path = kind
        joint = _addressed(part, entry, known, kind, short_field(path))
        base = replace(joint, name=name if key == "joints" else joint.field)
        base = replace(base, unit=unit or base.unit)
        base = next((_lent(each, base) for each in lent if each.name == name), base)
        base = _calibrated(part, base, motors, unit, zero)
        joints.append(_read_joint(entry, base))
    word = "joint" if key == "joints" else "field"
    # Of joints that are the state's, the state has said it.
    names = [joint.name for joint in joints if unlisted is None]
    section.problems.extend(
        f"{section.path(key)}: {word} '{name}' is given twice"
        for name in sorted({name for name in names if name and names.count(name) > 1})
    )
    return tuple(joints)


def check_joints(part: PartSection, known: ValueType, joints: Sequence[JointContract]) -> None:
    """What is wrong with joints whatever they are for: a range or a unit that does not fit."""
    for joint in joints:
        if part.section.data.get("calibration") == FILL_IN:
            continue  # which will tell
        if joint.unit == "percent" and joint.range is None:
            part.problem(
                f"joint '{joint.name}' is in percent without a range: give range: [lower, upper] "
                "in rad, the two ends of its travel"
            )
        units = _field(known, joint.kind, joint.field).units
        if joint.unit not in units:
            part.problem(
                f"'{joint.name}' is a {joint.kind}, whose unit may be {', '.join(units)}; it is "
                f"'{joint.unit}'"
            )


def read_unit(section: Section, known: ValueType | None, kind: str) -> str | None:
    """The unit that is given, which may be one of another kind: check_joints tells that."""
    given = section.data.get("unit")
    if isinstance(given, str) and given in UNITS:
        return section.choice("unit", tuple(UNITS))
    fields = [] if known is None or kind else known.fields.values()
    units = KINDS[kind].units if kind else tuple(unit for f in fields for unit in f.units)
    return section.choice("unit", tuple(dict.fromkeys(units)))


def read_rate(section: Section, key: str) -> float | None:
    """A speed limit; a placeholder where it is wrong, so that it is not also called missing."""
    speed = section.number(key, above=0)
    return 1.0 if speed is None and section.has(key) else speed


def read_rates(section: Section) -> dict[str, float | None]:
    """All speed limits that a part or an entry may have."""
    return {key: read_rate(section, key) for key in (*_RATES, "max_step")}


def with_rates(
    joint: JointContract, rates: Mapping[str, float | None], *, over: bool
) -> JointContract:
    """The joint with these speed limits where they are given: over its own, or if it has none."""

    def chosen(key: str, own: float | None) -> float | None:
        given = rates[key]
        return (given or own) if over else (own or given)

    return replace(
        joint,
        max_velocity=chosen("max_velocity", joint.max_velocity),
        max_acceleration=chosen("max_acceleration", joint.max_acceleration),
        max_effort_rate=chosen("max_effort_rate", joint.max_effort_rate),
        max_step=chosen("max_step", joint.max_step),
    )


def _entries(
    section: Section, key: str, unlisted: Sequence[str] | None
) -> list[tuple[str, object]]:
    """Where each entry stands, and what it is; data[2:5] is three of them."""
    found: list[tuple[str, object]] = []
    if unlisted is not None:
        section.take(key)
        return [(section.path(key), name) for name in unlisted]
    for index, item in enumerate(section.items(key, required=True)):
        where = f"{section.path(key)}[{index}]"
        span = _SLICE.fullmatch(item) if isinstance(item, str) and key == "fields" else None
        if span is None:
            found.append((where, item))
            continue
        first, end = int(span[1]), int(span[2])
        if first >= end:
            section.problems.append(f"{where} is '{item}', which holds nothing")
        found += [(where, f"data[{place}]") for place in range(first, end)]
    return found


def _field(known: ValueType, kind: str, path: str) -> Field:
    """What the number at this path is; anything for a path that there is not."""
    if known.name == FLOAT64_MULTI_ARRAY:
        return field_of(KINDS[kind])
    return known.field(path) or field_of(KINDS[kind])


def _addressed(
    part: PartSection, entry: Section, known: ValueType, kind: str, path: str
) -> JointContract:
    """A joint that is where the entry says, in the field's usual unit."""
    field = known.field(path)
    if field is None and path:
        fields = [name for name in known.fields if name != "data[]"] or ["data[0]", "data[0:7]"]
        entry.problem(
            "name",
            f"is '{path}', which a {known.name} has not: it must be one of {', '.join(fields)}"
            f"{suggestion(path, fields)}",
        )
    if known.name == FLOAT64_MULTI_ARRAY or field is None:
        field = field_of(KINDS[kind or "position"])
    # An array's numbers that have no names are nobody's angles.
    bare = known.name == FLOAT64_MULTI_ARRAY and part.key(known) == "fields"
    unit = "none" if bare else field.units[0]
    return JointContract(path, unit=unit, kind=field.kind.name, field=path)


def _lent(lender: JointContract, base: JointContract) -> JointContract:
    return replace(lender, field=base.field, kind=base.kind, part="")


def _read_calibration(part: PartSection, folder: Path | None) -> tuple[dict[str, Motor], str]:
    zero = part.section.choice("driver_zero", ZEROS)
    file = part.section.text("calibration")
    if file is None:
        if zero is not None:
            part.section.problem("driver_zero", "says nothing without a calibration")
        return {}, ""
    path = Path(file).expanduser()
    try:
        return read_calibration(folder / path if folder else path), zero or ZEROS[0]
    except ContractError as error:
        part.problem(f"calibration: {error}")
        return {}, ""


def _calibrated(
    part: PartSection, joint: JointContract, motors: dict[str, Motor], unit: str | None, zero: str
) -> JointContract:
    if not motors or not joint.name:
        return joint
    if joint.name not in motors:
        known = list(motors)
        part.problem(
            f"calibration: there is no motor '{joint.name}' in the file (it has "
            f"{', '.join(known)}){suggestion(joint.name, known)}"
        )
        return joint
    if unit not in CALIBRATED_UNITS:
        part.problem(f"calibration: lerobot makes deg or percent of a motor; unit is '{unit}'")
        return joint
    try:
        return motors[joint.name].calibrated(joint, unit, zero)
    except ContractError as error:
        part.problem(f"calibration: {error}")
        return replace(joint, range=(0.0, 1.0))


def _read_joint(entry: Section, base: JointContract) -> JointContract:
    scale = entry.number("scale")
    if scale == 0:
        entry.problem("scale", "is 0; it must not be, since it is divided by on the way back")
    offset = entry.number("offset")
    joint = replace(
        base,
        unit=read_unit(entry, None, base.kind) or base.unit,
        scale=base.scale if scale is None else scale,
        offset=base.offset if offset is None else offset,
        range=_pair(entry, "range", "rad") or base.range,
    )
    joint = with_rates(joint, read_rates(entry), over=True)
    joint = replace(joint, limits=_pair(entry, "limits", joint.message_unit) or base.limits)
    entry.finish()
    return joint


def _pair(entry: Section, key: str, unit: str) -> tuple[float, float] | None:
    """The pair; a placeholder where it is wrong, so that it is not also called missing."""
    pair = entry.pair(key, largest=_LARGEST_RAD if unit == "rad" else math.inf)
    return (0.0, 1.0) if pair is None and entry.has(key) else pair
