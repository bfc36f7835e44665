# SPDX-License-Identifier: Apache-2.0
"""In which units a policy's training data are, by their size and by what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.draft.words import GRIPPER
from pam_ros.robot.units.data import DEGREES, NORMALISED, Interval
from pam_ros.robot.units.grid import grid_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.robot.units.data import Travel

MOST_RAD = 2.1 * math.pi
"""No joint of an arm goes farther than a turn to each side [rad]; 7 degrees and more are beyond."""
NEAR = 0.25
"""Within so many spans of the data's ends, a position is one that the data may have."""
_OPEN = 0.9
"""Of the positions that were seen, so many have to be near the data."""
FACTORS = {"rad": 1.0, "m": 1.0, "deg": DEGREES}


@dataclass(frozen=True)
class JointUnit:
    """A joint's unit.

    Attributes:
        unit: of the contract; empty where nothing decides.
        why: it is this one, or what it may be.
        scale, offset: of the contract.
        ranged: whether the contract has to say the ends of the joint's travel.
    """

    unit: str
    why: str
    scale: float = 1.0
    offset: float = 0.0
    ranged: bool = False

    def in_messages(self, ends: Interval) -> tuple[float, float] | None:
        """These numbers of the policy in the unit of messages; None if only a range tells."""
        factor = FACTORS.get(self.unit)
        return None if factor is None else (ends.lower / factor, ends.upper / factor)


def joint_units(
    names: Sequence[str],
    data: Sequence[Travel] | None,
    seen: Mapping[str, npt.NDArray[np.float64]],
    slides: Mapping[str, bool],
) -> list[JointUnit]:
    """The unit of each joint, in the policy's order.

    Args:
        names: of the joints; empty for one that nobody knows.
        data: where each went in the training data; None if the checkpoint does not say.
        seen: positions of joints, in the units of messages.
        slides: what a URDF says of them.
    """
    if data is None:
        why = "the checkpoint has no statistics of it"
        return [JointUnit("", f"{why}: rad, deg or percent") for _ in names]
    grippers = {place for place, name in enumerate(names) if GRIPPER.search(name)}
    sliding = {place for place, name in enumerate(names) if slides.get(name)}
    arm = [place for place in range(len(names)) if place not in grippers | sliding]
    arm = arm or list(range(len(names)))
    common = _common(arm, names, data, seen)
    found = []
    for place, name in enumerate(names):
        if place in sliding:
            found.append(JointUnit("m", "the robot's description says that it slides"))
        elif place in arm:
            found.append(common)
        else:
            found.append(_gripper(common, data[place], seen.get(name)))
    return found


def may_be(
    travel: Travel, seen: npt.NDArray[np.float64] | None, factor: float, most: float = NEAR
) -> bool:
    """Whether what was seen is near to where the joint went in the data, times this factor."""
    if seen is None or not len(seen):
        return True
    ends = travel.at_most
    room = most * max(ends.span, 0.02 * factor)
    values = seen * factor
    inside = (values >= ends.lower - room) & (values <= ends.upper + room)
    return bool(inside.mean() >= _OPEN)


def _common(
    arm: Sequence[int],
    names: Sequence[str],
    data: Sequence[Travel],
    seen: Mapping[str, npt.NDArray[np.float64]],
) -> JointUnit:
    """Of the joints that have one unit, as all of an arm have."""
    largest = max(_largest(data[place]) for place in arm)
    known = [place for place in arm if names[place] in seen]
    fits = {
        unit: all(may_be(data[place], seen[names[place]], FACTORS[unit]) for place in known)
        for unit in ("rad", "deg")
    }
    there = " and what was seen agrees" if known else ""
    if largest <= MOST_RAD:
        within = f"the training data stay within {largest:.2g}"
        if fits["rad"]:
            return JointUnit("rad", f"{within}{there}")
        if largest <= 1.01:
            what = f"the data stay within {largest:.2g}, and in rad the robot stands elsewhere"
            return JointUnit("", f"rad with another zero or sign, or none (0..1): {what}")
        return JointUnit("", f"rad or deg: {within}, but in rad the robot stands elsewhere")
    exact = [data[place].at_most for place in arm if data[place].exact]
    grid = grid_unit(np.array([e.lower for e in exact]), np.array([e.upper for e in exact]))
    if grid == "deg":
        return JointUnit("deg", "the data lie on encoder steps of degrees")
    percent_holds = all(
        data[place].reached.beyond(Interval(*NORMALISED["percent"])) <= 0.01 for place in arm
    )
    if grid == "percent":
        return _percent("the data lie on encoder steps of -100..100")
    if not percent_holds:
        more = (
            "" if fits["deg"] else ", though the robot stands elsewhere: another zero, or a sign?"
        )
        return JointUnit(
            "deg", f"the data go to {largest:.3g}, beyond rad and beyond -100..100{more}"
        )
    if known and not fits["deg"]:
        return _percent(
            f"the data stay within {largest:.3g}, and in degrees the robot stands elsewhere"
        )
    return JointUnit(
        "", f"deg, or percent (-100..100): the data go to {largest:.3g}, which may be either"
    )


def _percent(why: str) -> JointUnit:
    return JointUnit("percent", why, ranged=True)


def _gripper(arm: JointUnit, travel: Travel, seen: npt.NDArray[np.float64] | None) -> JointUnit:
    """Often not in the arm's unit: lerobot's is 0..100."""
    ends, largest = travel.at_most if travel.exact else travel.surely, _largest(travel)
    hundred = ends.lower >= -1.0 and ends.upper <= 101.0
    if arm.unit in {"deg", "percent"} and hundred and largest > 1.01:
        return JointUnit("percent", "0..100, as lerobot has a gripper", 0.5, 50.0, ranged=True)
    if largest > MOST_RAD:
        if hundred and not (seen is not None and arm.unit == "deg"):
            return JointUnit("percent", "0..100: beyond rad", 0.5, 50.0, ranged=True)
        return JointUnit("deg", f"the data go to {largest:.3g}, beyond rad")
    if seen is not None and len(seen) and may_be(travel, seen, 1.0):
        same = "m" if largest <= 0.2 else "rad"
        return JointUnit(same, f"the data stay within {largest:.2g}, and what was seen agrees")
    if ends.lower >= -0.05 and ends.upper <= 1.05 and seen is not None and len(seen):
        return JointUnit(
            "percent", "0..1: in rad the robot stands elsewhere", 0.005, 0.5, ranged=True
        )
    if arm.unit == "rad":
        return JointUnit("rad", f"the data stay within {largest:.2g}; 0..1 would look alike")
    return JointUnit("", f"the data stay within {largest:.2g}: rad, m, or 0..1")


def _largest(travel: Travel) -> float:
    ends = travel.at_most if travel.exact else travel.surely
    return max(abs(ends.lower), abs(ends.upper))
