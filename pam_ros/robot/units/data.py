# SPDX-License-Identifier: Apache-2.0
"""Where a joint went in the training data, and where it can go in one unit or another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.joints import to_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pam_ros.policy.interface import FeatureStatistics
    from pam_ros.robot.parts import JointContract

DEGREES = 180 / math.pi
_UNBOUNDED = (-math.pi, math.pi)
"""Of a joint without limits [rad]."""
NORMALISED = {"percent": (-100.0, 100.0), "0..100": (0.0, 100.0), "0..1": (0.0, 1.0)}
"""Units that end by definition, and where."""


@dataclass(frozen=True)
class Interval:
    """Numbers in the policy's unit."""

    lower: float
    upper: float

    @property
    def span(self) -> float:
        """Its length."""
        return self.upper - self.lower

    def beyond(self, other: Interval) -> float:
        """How far this one reaches out of the other, both ends together, in lengths of that."""
        out = max(0.0, other.lower - self.lower) + max(0.0, self.upper - other.upper)
        return out / other.span

    def apart(self, other: Interval) -> float:
        """The gap between this one and the other, in lengths of that; 0 if they meet."""
        gap = max(other.lower - self.upper, self.lower - other.upper, 0.0)
        return gap / other.span


@dataclass(frozen=True)
class Travel:
    """Where a joint went in the data.

    Attributes:
        surely: it went at least so far: 1st to 99th percentile; else min to max, but no farther
            than two standard deviations from the mean, since one misread frame makes a minimum;
            else one standard deviation to both sides of the mean.
        at_most: and no farther: min to max, else three standard deviations.
        exact: at_most is min to max.
    """

    surely: Interval
    at_most: Interval
    exact: bool

    @property
    def reached(self) -> Interval:
        """The farthest that it is known to have gone."""
        return self.at_most if self.exact else self.surely


@dataclass(frozen=True)
class Group:
    """Joints of one feature that have one unit, and where each went in the data."""

    feature: str
    joints: tuple[JointContract, ...]
    data: tuple[Travel, ...]

    @property
    def unit(self) -> str:
        """The contract's."""
        return self.joints[0].unit

    @property
    def plain(self) -> bool:
        """Whether the numbers are the unit's own: not so for a gripper of 0..100."""
        return abs(self.joints[0].scale) == 1.0

    def boxes(self, unit: str) -> list[Interval]:
        """Where each joint can go, were this its unit."""
        return [limits_in(joint, unit) for joint in self.joints]


def travels(statistics: FeatureStatistics, dim: int) -> list[Travel] | None:
    """One for each of the feature's dimensions; None if the statistics do not say."""
    s = statistics
    extremes = _intervals(s.min, s.max, dim)
    percentiles = _intervals(s.q01, s.q99, dim)
    one, two, three = (_around_mean(s, deviations, dim) for deviations in (1, 2, 3))
    if extremes is not None and two is not None:
        one = [_meet(*each) for each in zip(extremes, two, strict=True)]
    surely, at_most = percentiles or one or extremes, extremes or three or percentiles
    if surely is None or at_most is None:
        return None
    return [Travel(*each, extremes is not None) for each in zip(surely, at_most, strict=True)]


def _around_mean(s: FeatureStatistics, deviations: int, dim: int) -> list[Interval] | None:
    if s.mean is None or s.std is None or len(s.mean) != len(s.std):
        return None
    around = [(mean, deviations * std) for mean, std in zip(s.mean, s.std, strict=True)]
    return _intervals([m - reach for m, reach in around], [m + reach for m, reach in around], dim)


def _meet(one: Interval, other: Interval) -> Interval:
    """What two intervals have in common; the first one if that is nothing."""
    lower, upper = max(one.lower, other.lower), min(one.upper, other.upper)
    return Interval(lower, upper) if lower <= upper else one


def _intervals(
    lower: Iterable[float] | None, upper: Iterable[float] | None, dim: int
) -> list[Interval] | None:
    if lower is None or upper is None:
        return None
    lows, highs = [float(low) for low in lower], [float(high) for high in upper]
    finite = all(map(math.isfinite, [*lows, *highs]))
    if not (len(lows) == len(highs) == dim and finite):
        return None
    if any(low > high for low, high in zip(lows, highs, strict=True)):
        return None
    return [Interval(*pair) for pair in zip(lows, highs, strict=True)]


def limits_in(joint: JointContract, unit: str) -> Interval:
    """Where the joint can go, in the policy's numbers, if its unit were this one.

    unit: rad, deg, or one of NORMALISED. With the contract's own unit, the joint's scale and offset
    count; from rad to deg and back too. Of another unit only the sign of the scale can be kept.
    """
    if unit in NORMALISED and unit != joint.unit:
        return Interval(*NORMALISED[unit])
    if unit == joint.unit == "percent":
        ends = joint.scale * np.array(NORMALISED["percent"]) + joint.offset
        return Interval(float(ends.min()), float(ends.max()))
    return contract_limits(_as(joint, unit))


def contract_limits(joint: JointContract) -> Interval:
    """The joint's limits in the policy's numbers; of one without limits, half a turn each way."""
    ends = to_policy(np.array([[end] for end in joint.limits or _UNBOUNDED]), [joint])
    return Interval(float(ends.min()), float(ends.max()))


def _as(joint: JointContract, unit: str) -> JointContract:
    if joint.unit == "percent":
        return replace(joint, unit=unit, scale=math.copysign(1.0, joint.scale), offset=0.0)
    factor = {"rad": 1.0, "deg": DEGREES}
    return replace(joint, unit=unit, offset=joint.offset * factor[unit] / factor[joint.unit])
