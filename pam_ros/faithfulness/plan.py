# SPDX-License-Identifier: Apache-2.0
"""How much is measured where nobody said it, and how long a run still takes.

20 moments shall take 10 minutes at most, reading and timing included. From the most to the least,
the first plan is taken that fits into MOMENT_SECONDS; a policy for which none does gets the least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.perturbation import OWN

if TYPE_CHECKING:
    from pam_ros.faithfulness.cost import Costs

MOMENT_SECONDS = 25.0

FEWER_FRACTIONS = (0.0, 0.1, 0.5, 1.0)
FEWEST_FRACTIONS = (0.0, 0.1, 1.0)


@dataclass(frozen=True)
class Plan:
    """replace: words of what replaces cells. fractions: shares of cells at which it is measured."""

    replace: tuple[str, ...]
    fractions: tuple[float, ...] = FRACTIONS


PLANS = (
    *(Plan(OWN[:count]) for count in range(len(OWN), 0, -1)),
    Plan(OWN[:1], FEWER_FRACTIONS),
    Plan(OWN[:1], FEWEST_FRACTIONS),
)
"""From the most to the least."""


def passes(plan: Plan, orders: int, swaps: int) -> int:
    """Passes of spoilt pictures at one moment.

    Args:
        plan: what is measured.
        orders: of cells: one a method and a baseline, one a random draw.
        swaps: other renderings whose cells are swapped in.
    """
    curves = 2 + 2 * orders * (len(plan.fractions) - 2)
    return len(plan.replace) * curves + swaps * (2 + orders)


def seconds(plan: Plan, costs: Costs, orders: int, swaps: int, maps: int) -> float:
    """An estimate for one moment. maps: how often each method runs in it."""
    spoilt = passes(plan, orders, swaps) * costs.spoilt_seconds
    return spoilt + maps * costs.pass_seconds * sum(costs.methods.values())


def choose(costs: Costs, orders: int, swaps: int, maps: int) -> Plan:
    """The most that fits into MOMENT_SECONDS, or the least; arguments as `seconds` takes them."""
    for plan in PLANS:
        if seconds(plan, costs, orders, swaps, maps) <= MOMENT_SECONDS:
            return plan
    return PLANS[-1]


def spoken(left_seconds: float) -> str:
    """A duration in words: "40 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(left_seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """Lines about a run: what is done and how long the rest takes.

    Args:
        total: moments of the whole run. done: those that an earlier run did.
        expected: seconds of a moment, until one is done.
    """

    def __init__(self, total: int, done: int, expected: float) -> None:
        self._total, self._before, self._expected = total, done, expected

    def line(self, done: int, elapsed: float) -> str:
        """done: moments so far, the earlier run's included. elapsed: seconds since this began."""
        here = done - self._before
        each = elapsed / here if here else self._expected
        left = self._total - done
        rest = f", about {spoken(each * left)} left" if left else ""
        return f"{done} of {self._total} moments{rest}"
