# SPDX-License-Identifier: Apache-2.0
"""Which joint is which number of the policy: by name, by the order of a message, by statistics."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.draft.assignment import assign, rivals
from pam_ros.robot.draft.text import listed
from pam_ros.robot.draft.units import FACTORS, MOST_RAD, may_be
from pam_ros.robot.draft.words import GRIPPER, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.robot.units.data import Travel

_TIED = 1.0
"""Of the logarithm of likelihoods: below it nothing is decided."""
_WORST = 25.0


@dataclass(frozen=True)
class Ordered:
    """The joints of the policy's numbers.

    Attributes:
        names: of each number; empty where nothing decides.
        why: this order.
        open: of each number without a name, which joints it may be.
    """

    names: list[str]
    why: str
    open: dict[int, list[str]]


def order_joints(
    count: int,
    have: Sequence[str],
    data: Sequence[Travel] | None,
    seen: Mapping[str, npt.NDArray[np.float64]],
    known: Sequence[str] = (),
) -> Ordered:
    """The robot's joints in the policy's order.

    Args:
        count: how many numbers the policy has.
        have: the robot's joints, in the order of their messages.
        data: where each number went in the training data, or None.
        seen: positions, in the units of messages.
        known: the names that the numbers have in the training data, if somebody told.
    """
    if len(known) == count:
        named = _by_name(known, have)
        if named is not None:
            return Ordered(named, "by the names of the training data", {})
    if len(have) < count:
        names = [*have, *[""] * (count - len(have))]
        what: dict[int, list[str]] = {place: [] for place in range(len(have), count)}
        return Ordered(names, "the order of the messages, which have fewer", what)
    if data is None:
        if len(have) == count:
            return Ordered(list(have), "the order of the messages; nothing confirms it", {})
        return Ordered([""] * count, "", {place: list(have) for place in range(count)})
    cost = _costs(data, have, seen)
    if len(have) == count:
        return _same_count(have, data, seen, cost)
    return _choice(count, have, cost)


def _same_count(
    have: Sequence[str],
    data: Sequence[Travel],
    seen: Mapping[str, npt.NDArray[np.float64]],
    cost: npt.NDArray[np.float64],
) -> Ordered:
    """The order of the messages, unless that cannot be and exactly one other can."""
    places = range(len(have))
    odd = [
        place for place in places if not _may_stand(data[place], seen.get(have[place]), have[place])
    ]
    if not odd:
        why = "the order of the messages"
        if not any(name in seen for name in have):
            return Ordered(list(have), f"{why}; nothing confirms it", {})
        return Ordered(
            list(have), f"{why}, where each fits its number's statistics{_alike(have, cost)}", {}
        )
    chosen = assign(cost)
    names = [have[column] for column in chosen]
    fits = all(_may_stand(data[place], seen.get(names[place]), names[place]) for place in places)
    if fits and not any(rivals(cost, chosen, _TIED)):
        return Ordered(names, "by statistics: in the order of the messages they would not fit", {})
    bad = listed([f"'{have[place]}'" for place in odd])
    return Ordered(
        list(have),
        f"the order of the messages, but {bad} stood where the training data never were: another "
        "order, unit, zero or sign, or the robot was elsewhere",
        {},
    )


def _choice(count: int, have: Sequence[str], cost: npt.NDArray[np.float64]) -> Ordered:
    """More joints than numbers: those that fit best, in order, if nothing else fits as well."""
    chosen = _in_order(cost)
    open_: dict[int, list[str]] = {}
    least = sum(float(cost[row, column]) for row, column in enumerate(chosen))
    for row, column in enumerate(chosen):
        forbidden = cost.copy()
        forbidden[row, column] = 1e6
        other = _in_order(forbidden)
        if sum(float(forbidden[r, c]) for r, c in enumerate(other)) <= least + _TIED:
            open_[row] = [have[column], have[other[row]]]
    names = ["" if row in open_ else have[column] for row, column in enumerate(chosen)]
    return Ordered(
        names, f"of {len(have)} joints the {count} that fit the statistics, in order", open_
    )


def _in_order(cost: npt.NDArray[np.float64]) -> list[int]:
    """The column of each row at the least sum, columns ascending."""
    rows, columns = cost.shape
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0] = 0.0
    for row in range(1, rows + 1):
        for column in range(row, columns + 1):
            taken = best[row - 1, column - 1] + cost[row - 1, column - 1]
            best[row, column] = min(best[row, column - 1], taken)
    found, column = [], columns
    for row in range(rows, 0, -1):
        while column > row and best[row, column - 1] <= best[row, column]:
            column -= 1
        found.append(column - 1)
        column -= 1
    return found[::-1]


def _costs(
    data: Sequence[Travel], have: Sequence[str], seen: Mapping[str, npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """How unlikely each joint is each number: (numbers, joints).

    Half the mean square of its distance to the data's middle, in standard deviations, at most
    _WORST: the negative logarithm of a normal density, without what is the same for all.
    """
    factor = _factor(data)
    cost = np.zeros((len(data), len(have)))
    for row, travel in enumerate(data):
        middle = (travel.surely.lower + travel.surely.upper) / 2
        spread = max(travel.at_most.span / 6, 0.01 * factor)
        for column, name in enumerate(have):
            values = seen.get(name)
            if values is None or not len(values):
                continue
            distance = (values * factor - middle) / spread
            cost[row, column] = min(float(np.mean(distance**2)) / 2, _WORST)
            if GRIPPER.search(name):  # whose unit may be one of its own
                cost[row, column] = min(cost[row, column], 4.0)
    return cost


def _factor(data: Sequence[Travel]) -> float:
    """Of the data's unit, by the size of most numbers."""
    large = [max(abs(t.at_most.lower), abs(t.at_most.upper)) > MOST_RAD for t in data]
    return FACTORS["deg"] if sum(large) * 2 > len(large) else 1.0


def _may_stand(travel: Travel, values: npt.NDArray[np.float64] | None, name: str) -> bool:
    """Whether the joint can be this number in any unit of positions."""
    if GRIPPER.search(name):
        return True
    large = max(abs(travel.at_most.lower), abs(travel.at_most.upper)) > MOST_RAD
    return may_be(travel, values, FACTORS["deg"] if large else 1.0)


def _alike(have: Sequence[str], cost: npt.NDArray[np.float64]) -> str:
    """Neighbours that the statistics do not tell apart."""
    same = [
        f"{have[a]}/{have[b]}"
        for a, b in pairwise(range(len(have)))
        if cost[a, b] + cost[b, a] <= cost[a, a] + cost[b, b] + _TIED
    ]
    return f"; {listed(same, 3)} would fit exchanged as well" if same else ""


def _by_name(known: Sequence[str], have: Sequence[str]) -> list[str] | None:
    """The robot's name for each of the training data's; None if one is missing."""
    plainly = {plain(name): name for name in have}
    found = [plainly.get(plain(name), "") for name in known]
    return found if all(found) and len(set(found)) == len(found) else None
