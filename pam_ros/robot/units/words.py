# SPDX-License-Identifier: Apache-2.0
"""What check.py found, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.robot.units.data import contract_limits, limits_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.robot.parts import JointContract
    from pam_ros.robot.units.data import Group

CONFIRM = (
    "correct the contract, or write 'units_confirmed: true' there if you know that it is right"
)
SIGN, OFFSET = "a sign", "an offset"
_NAMES = {"percent": "-100..100 (percent)"}
_REASONS = {
    "grid": ": the values lie on the encoder steps of that unit",
    "clamped": ": percent ends at 100",
    "stops": ": several joints stop at exactly 100 or -100",
}


@dataclass(frozen=True)
class Finding:
    """Joints of a feature whose data contradict the contract.

    likely: units that fit instead, or SIGN or OFFSET; empty if nothing fits.
    why: a key of _REASONS, or empty if the limits say it.
    """

    group: Group
    likely: tuple[str, ...]
    why: str = ""


def sentences(findings: Sequence[Finding]) -> list[str]:
    """One for each group of joints; what is true of state and action is said once."""
    alike: dict[object, list[Finding]] = {}
    for finding in findings:
        key = (_names(finding.group.joints), finding.group.unit, finding.likely, finding.why)
        alike.setdefault(key, []).append(finding)
    return [
        f"{' and '.join(each.group.feature for each in same)} of {_sentence(same[0])}"
        for same in alike.values()
    ]


def _sentence(finding: Finding) -> str:
    """Which joints, what the contract says, what the data say, and the likely unit."""
    group = finding.group
    example = _example(group)
    if finding.likely and finding.likely[0] in {SIGN, OFFSET}:
        return (
            f"{_names(group.joints)}: the training data lie outside the limits altogether, likely "
            f"{finding.likely[0]} ({example})"
        )
    likely = " or ".join(_NAMES.get(unit, unit) for unit in finding.likely)
    return (
        f"{_names(group.joints)}: the contract says {_unit(group.joints[0])}, the training data "
        f"are likely {likely or 'in another unit'}{_REASONS.get(finding.why, '')} ({example})"
    )


def unsure(group: Group) -> str:
    """That deg and percent fit alike."""
    return (
        f"{group.feature} of {_names(group.joints)}: the training data fit deg and -100..100 "
        f"(percent) alike, so that '{group.unit}' is not confirmed; how the data set was recorded "
        "tells (lerobot's use_degrees, true since 0.4.4)"
    )


def refusal(contradictions: Sequence[str]) -> str:
    """Why a robot is not enabled; empty without contradictions."""
    if not contradictions:
        return ""
    return f"not enabled, since the units look wrong: {'; '.join(contradictions)}; {CONFIRM}"


def _example(group: Group) -> str:
    """The joint that goes farthest out of its limits, or has the largest numbers."""
    boxes = group.boxes(group.unit)

    def telling(place: int) -> tuple[float, float]:
        went = group.data[place].at_most
        return went.beyond(boxes[place]), abs(went.lower) + abs(went.upper)

    place = max(range(len(boxes)), key=telling)
    joint, travel = group.joints[place], group.data[place]
    limits, about = contract_limits(joint), "" if travel.exact else "about "
    return (
        f"'{joint.label}' went from {about}{travel.at_most.lower:.4g} to "
        f"{travel.at_most.upper:.4g}; its limits there are {limits.lower:.4g} to {limits.upper:.4g}"
    )


def _unit(joint: JointContract) -> str:
    if abs(joint.scale) == 1.0:
        return joint.unit
    ends = limits_in(joint, joint.unit)
    return f"{ends.lower:g}..{ends.upper:g}" if joint.unit == "percent" else f"scaled {joint.unit}"


def _names(joints: Sequence[JointContract]) -> str:
    names = [f"'{joint.label}'" for joint in joints]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
