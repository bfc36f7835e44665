# SPDX-License-Identifier: Apache-2.0
"""Can the numbers that the policy was trained on be in the units that the contract says?

Joints of one unit and one size of scale are judged together, the state's apart from the action's.
It is a matter of likelihood: of two units the likelier is the one in which the joints stay within
their limits, and of two such the one in which they use more of them. For joint positions that are
uniform within a unit's box of limits, each joint's minimum and maximum have density 2 / span^2
there; outside the density falls by exp(EXPONENT) with each span. So the logarithm of how much
likelier unit v is than the contract's unit u is

    sum over joints of  EXPONENT * (beyond_u - beyond_v) + 2 * ln(span_u / span_v)

with ``beyond`` the part of the data outside the box, in spans, at most FARTHEST. The second term is
left out between deg and percent, which are of one size. The contract is contradicted if

- another unit is likelier by CERTAIN, and holds all the data if it is one that ends by definition
  (-100..100, 0..1);
- it says percent, and data go beyond 100 by more than CLAMPED: lerobot clamps there;
- it says deg or percent, and the data lie on the grid of the other (grid.py);
- it says deg, and the data lie on no grid but stop at exactly 100 or -100 at several ends;
- one joint alone goes beyond its limits by IMPOSSIBLE spans;
- all data of a joint lie outside its limits, by more than APART of a span: an offset or a sign.

Nothing is said if nothing follows: a task in a small part of the travel fits several units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.units.data import (
    NORMALISED,
    Group,
    Interval,
    Travel,
    contract_limits,
    travels,
)
from pam_ros.robot.units.grid import grid_unit
from pam_ros.robot.units.words import OFFSET, SIGN, Finding, sentences, unsure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pam_ros.policy.interface import FeatureStatistics
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import JointContract

EXPONENT = 4.0
FARTHEST = 5.0
"""So that one joint does not outvote three."""
CERTAIN = 10.0
"""exp(10) is 22000."""
ALIKE = 5.0
"""Units as likely as the likeliest to this logarithm are named with it."""
CLAMPED = 0.01
"""Of the 200 from -100 to 100: two."""
IMPOSSIBLE = 5.0
APART = 0.05
ENDS_MET = 2
"""So many ends at exactly 100 or -100 make the data -100..100."""
UNITS = ("rad", "deg", "percent", "0..1")
_ALIKE_IN_SIZE = {"deg", "percent"}


@dataclass(frozen=True)
class UnitsReport:
    """What the data say against the contract's units, and what they leave open: sentences."""

    contradictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_units(contract: Contract, statistics: Mapping[str, FeatureStatistics]) -> UnitsReport:
    """What the statistics of a policy's training data say of the contract's units.

    contract: bound to the policy, so that its joints are the features' dimensions.
    """
    findings: list[Finding] = []
    notes: list[str] = []
    sides = ((contract.state.feature, contract.state.joints), ("action", contract.command.joints))
    for feature, joints in sides:
        if feature is None:
            continue
        known = statistics.get(feature)
        data = None if known is None else travels(known, len(joints))
        if data is None:
            notes.append(f"{feature}: units not checked; the checkpoint has no statistics of it")
            continue
        for group in _groups(feature, joints, data):
            found, open_question = _judge(group)
            findings += found
            if open_question:
                notes.append(unsure(group))
    return UnitsReport(tuple(sentences(findings)), tuple(notes))


def _groups(
    feature: str, joints: Sequence[JointContract], data: Sequence[Travel]
) -> Iterator[Group]:
    found: dict[tuple[str, float], list[int]] = {}
    for index, joint in enumerate(joints):
        found.setdefault((joint.unit, abs(joint.scale)), []).append(index)
    for members in found.values():
        # Of metres, forces and bare numbers there is only one unit that they may be in.
        if joints[members[0]].unit not in UNITS:
            continue
        yield Group(feature, tuple(joints[i] for i in members), tuple(data[i] for i in members))


def _judge(group: Group) -> tuple[list[Finding], bool]:
    """What speaks against the group's unit; and whether deg and percent stay open."""
    grid = _grid(group)
    likely, why = _likely(group, grid)
    if likely:
        return [Finding(group, likely, why)], False
    findings = [*_impossible_joints(group), *_displaced_joints(group)]
    if findings or not group.plain or grid or group.unit not in _ALIKE_IN_SIZE:
        return findings, False
    return [], _may_be(group, *(_ALIKE_IN_SIZE - {group.unit}))


def _grid(group: Group) -> str | None:
    if not group.plain:
        return None
    known = [travel.at_most for travel in group.data if travel.exact]
    return grid_unit(np.array([end.lower for end in known]), np.array([end.upper for end in known]))


def _likely(group: Group, grid: str | None) -> tuple[tuple[str, ...], str]:
    """Units that are likelier than the group's, and what says so besides the limits."""
    unit = group.unit
    if grid == unit:
        return (), ""
    if unit in _ALIKE_IN_SIZE and grid is not None:
        return (grid,), "grid"
    scores = {other: _log_likelier(group, other) for other in _others(group)}
    clamped = group.plain and unit == "percent" and _beyond_hundred(group)
    if clamped:
        return _named(group, scores, grid, at_least=-math.inf), "clamped"
    # Two grippers that stay shut, at 0 of 0..100, are in no other unit for that.
    likely = _named(group, scores, grid, at_least=CERTAIN if group.plain else 2 * CERTAIN)
    if not likely and unit == "deg" and group.plain and _stops_at_hundred(group):
        return ("percent",), "stops"
    return likely, ""


def _others(group: Group) -> tuple[str, ...]:
    """Units that the data may be in instead."""
    # Without limits nobody knows that a joint does not slide, by 0 to 1 m.
    known = all(joint.limits is not None for joint in group.joints)
    return tuple(unit for unit in UNITS if unit != group.unit and (known or unit != "0..1"))


def _named(
    group: Group, scores: Mapping[str, float], grid: str | None, at_least: float
) -> tuple[str, ...]:
    """The likeliest unit, and those about as likely."""
    best = max(scores.values())
    if best < at_least or best == -math.inf:
        return ()
    named = {unit for unit, score in scores.items() if score >= best - ALIKE}
    if named & _ALIKE_IN_SIZE:
        # Their sizes do not tell them apart, whatever the limits.
        named |= {unit for unit in _ALIKE_IN_SIZE & set(scores) if _may_be(group, unit)}
    return (grid,) if grid in named else tuple(unit for unit in UNITS if unit in named)


def _log_likelier(group: Group, unit: str) -> float:
    """Logarithm of how much likelier the data are in this unit than in the contract's."""
    theirs, ours = group.boxes(unit), group.boxes(group.unit)
    total = 0.0
    for travel, their, our in zip(group.data, theirs, ours, strict=True):
        beyond = travel.at_most.beyond(their)
        if unit in NORMALISED and beyond > 2 * CLAMPED:
            return -math.inf
        outside = min(travel.surely.beyond(our), FARTHEST) - min(beyond, FARTHEST)
        total += EXPONENT * outside
        if {unit, group.unit} != _ALIKE_IN_SIZE:
            total += 2 * math.log(our.span / their.span)
    return total


def _may_be(group: Group, unit: str) -> bool:
    """Whether the data leave this unit possible: within half a span of its limits, or its ends."""
    most = 2 * CLAMPED if unit in NORMALISED else 0.5
    boxes = group.boxes(unit)
    return all(
        travel.reached.beyond(box) <= most for travel, box in zip(group.data, boxes, strict=True)
    )


def _beyond_hundred(group: Group) -> bool:
    return any(
        travel.reached.beyond(box) > CLAMPED
        for travel, box in zip(group.data, group.boxes("percent"), strict=True)
    )


def _stops_at_hundred(group: Group) -> bool:
    known = [travel.at_most for travel in group.data if travel.exact]
    ends = np.abs([end for each in known for end in (each.lower, each.upper)])
    met = int((np.abs(ends - 100) < 1e-3).sum())
    return met >= ENDS_MET and float(ends.max()) < 100 + 1e-3


def _impossible_joints(group: Group) -> Iterator[Finding]:
    """Joints that are in another unit than the rest of their group."""
    others = [unit for unit in ("0..1", "rad", "0..100", "percent", "deg") if unit != group.unit]
    for joint, travel, box in zip(group.joints, group.data, group.boxes(group.unit), strict=True):
        if travel.surely.beyond(box) <= IMPOSSIBLE:
            continue
        alone = Group(group.feature, (joint,), (travel,))
        fits = tuple(unit for unit in others if _may_be(alone, unit))
        yield Finding(alone, fits)


def _displaced_joints(group: Group) -> Iterator[Finding]:
    """Joints whose data all lie outside their limits, though not by orders of magnitude."""
    for joint, travel, box in zip(group.joints, group.data, group.boxes(group.unit), strict=True):
        if joint.limits is None or travel.surely.beyond(box) > IMPOSSIBLE:
            continue
        limits = contract_limits(joint)
        if travel.at_most.apart(limits) > APART:
            turned = Interval(-travel.at_most.upper, -travel.at_most.lower)
            what = SIGN if turned.apart(limits) == 0 else OFFSET
            yield Finding(Group(group.feature, (joint,), (travel,)), (what,))
