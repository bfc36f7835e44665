# SPDX-License-Identifier: Apache-2.0
"""A policy is called slow only if it stays slow: a start is a busy time."""

from types import SimpleNamespace

import pytest

from pam_ros.policy import timing
from pam_ros.policy.interface import CameraSpec

SPEC = SimpleNamespace(
    cameras=(CameraSpec("observation.images.top", 4, 6),),
    state_feature=None, state_dim=0, environment_feature=None, environment_dim=0,
)  # fmt: skip


class Timed:
    """A policy whose passes take what a test says [s], one after the other."""

    spec = SPEC

    def __init__(self, seconds):
        self.left = list(seconds)
        self.passes = 0

    def explain(self, _):
        self.passes += 1
        return SimpleNamespace(forward_seconds=self.left.pop(0))

    def reset(self):
        pass


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(timing.time, "sleep", lambda _: None)


def test_a_quick_policy_is_measured_once():
    policy = Timed([0.5, *[0.01] * 5])
    assert timing.steady_forward_seconds(policy, 0.09) == 0.01
    assert policy.passes == 6


def test_passes_that_are_slow_at_first_alone_make_no_slow_policy():
    policy = Timed([*[0.3] * 6, *[0.02] * 6])
    assert timing.steady_forward_seconds(policy, 0.09) == 0.02


def test_a_policy_that_is_slow_each_time_is_slow():
    policy = Timed([0.3] * 6 + [0.2] * 6 + [0.25] * 6)
    assert timing.steady_forward_seconds(policy, 0.09) == 0.2
    assert policy.passes == 6 * timing.ROUNDS
