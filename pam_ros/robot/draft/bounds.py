# SPDX-License-Identifier: Apache-2.0
"""Limits and speeds of commands, from what is known: never wider than somebody has gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.robot.draft.units import JointUnit
    from pam_ros.robot.units.data import Travel
    from pam_ros.robot.urdf import UrdfJoint

SLOW = 0.5
"""Of a joint whose speed nobody has seen [rad/s]."""
FAST = 3.0
"""No guess is faster, whatever was seen: about what a servo of a small arm can do [rad/s]."""
SLOW_SLIDE = 0.05
"""Of a joint that slides [m/s]."""
_ROOM = 0.1
"""Of the travel, to both sides: what comes near its ends has to be sent, not refused."""
_LEAST_ROOM = {"rad": 0.02, "m": 0.001}
DESCRIPTION, DATA, POSITIONS = "/robot_description", "the training data", "what was seen"


@dataclass(frozen=True)
class Bound:
    """A joint's limits, in the unit of messages; `source` is what says them."""

    limits: tuple[float, float] | None
    source: str


def bound(
    name: str,
    unit: JointUnit,
    data: Sequence[Travel],
    seen: Sequence[npt.NDArray[np.float64]],
    description: Mapping[str, UrdfJoint],
) -> Bound:
    """The limits of a joint's commands.

    Args:
        name: of the joint.
        unit: of its numbers.
        data: where the state and the action went in the training data.
        seen: its positions and commands, in the unit of messages, of its own topics. The outermost
            hundredth does not count: one wrong value must not widen limits.
        description: the robot's.
    """
    known = description.get(name)
    ends = None if known is None else (known.soft_limits or known.limits)
    if ends is not None and ends[0] < ends[1]:
        return Bound(ends, DESCRIPTION)
    travels = [unit.in_messages(each.at_most) for each in data]
    went = [each for each in travels if each is not None]
    stood = [_ends(each) for each in seen if len(each)]
    if not went:
        return Bound(None, "")
    lower = min(each[0] for each in (*went, *stood))
    upper = max(each[1] for each in (*went, *stood))
    slides = unit.unit == "m"
    room = max(_ROOM * (upper - lower), _LEAST_ROOM["m" if slides else "rad"])
    return Bound((lower - room, upper + room), DATA)


def _ends(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    lower, upper = np.quantile(values, (0.01, 0.99), method="nearest")
    return float(lower), float(upper)


def speed(names: Sequence[str], fastest: Sequence[Mapping[str, float]]) -> tuple[float, str]:
    """A speed limit for joints [rad/s], and why it is this one."""
    seen = max((each.get(name, 0.0) for each in fastest for name in names), default=0.0)
    if seen < SLOW / 2:
        return SLOW, "slow on purpose, since no fast movement was seen; raise it when all is well"
    if 1.25 * seen > FAST:
        return (
            FAST,
            f"no guess is faster, though {seen:.2g} rad/s was seen; raise it when all is well",
        )
    return round(1.25 * seen, 2), f"the fastest movement that was seen is {seen:.2g} rad/s"
