# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros.faithfulness.cost import FEWEST_ROUNDS, ROUNDS, SECONDS, costs
from pam_ros.faithfulness.methods import Method

CHEAP, DEAR = Method("rollout"), Method("integrated_gradients", baseline="blur")


class Machine:
    """A clock that its own jobs move on; from round `slow_from` on everything takes ten times."""

    def __init__(self, plain=1.0, slow_from=10**9):
        self.now, self.round, self.jobs = 0.0, 0, []
        self.methods = (CHEAP, DEAR)
        self._plain, self._slow_from = plain, slow_from

    def clock(self):
        return self.now

    def _take(self, name, seconds):
        self.jobs.append(name)
        self.now += seconds * self._plain * (10 if self.round >= self._slow_from else 1)

    def plain(self, observation):
        self.round += 1
        self._take("plain", 1.0)

    def values_of(self, methods, observation):
        (method,) = methods
        self._take(method.name, {CHEAP: 1.1, DEAR: 32.0}[method])

    def chunks(self, observations):
        self._take("spoilt", 0.5 * len(list(observations)))


def test_ratios_are_taken_round_by_round():
    machine = Machine(plain=0.1)
    found = costs(machine, {}, machine.clock)
    assert found.pass_seconds == pytest.approx(0.1)
    assert found.spoilt_seconds == pytest.approx(0.05)
    assert found.methods == {"rollout": pytest.approx(1.1), DEAR.name: pytest.approx(32.0)}
    each = ["plain", "spoilt", "rollout", DEAR.name]
    assert machine.jobs == each * (ROUNDS + 1)


def test_a_machine_that_slows_down_meanwhile_changes_no_cost():
    machine = Machine(plain=0.01, slow_from=4)
    found = costs(machine, {}, machine.clock)
    assert found.methods["rollout"] == pytest.approx(1.1)
    assert found.methods[DEAR.name] == pytest.approx(32.0)


def test_a_slow_policy_is_timed_a_few_rounds_only():
    machine = Machine(plain=SECONDS / 10)
    costs(machine, {}, machine.clock)
    assert machine.round == 1 + FEWEST_ROUNDS
    assert machine.jobs.count("spoilt") == 1 + FEWEST_ROUNDS
