# SPDX-License-Identifier: Apache-2.0
"""How long a policy's forward pass takes here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.policy.observation import empty_observation

if TYPE_CHECKING:
    from pam_ros.policy.interface import Policy

ROUNDS = 3
PAUSE_S = 0.5
"""Between two rounds: the work of a start comes in bursts."""


def typical_forward_seconds(policy: Policy, passes: int = 5) -> float:
    """Median duration [s] of some forward passes on an empty observation, the first left out.

    The policy is reset afterwards.
    """
    features = empty_observation(policy.spec)
    seconds = [policy.explain(features).forward_seconds for _ in range(passes + 1)]
    policy.reset()
    return float(np.median(seconds[1:]))


def steady_forward_seconds(policy: Policy, limit_s: float) -> float:
    """The same in up to ROUNDS rounds while it is above a limit [s]: the shortest of their medians.

    A machine that has just started a robot is busy with much else for some seconds, and what its
    policy takes then is not what it will take.
    """
    shortest = typical_forward_seconds(policy)
    for _ in range(ROUNDS - 1):
        # Ten times over is no burst of other work, and another round would take long.
        if not limit_s < shortest <= 10 * limit_s:
            break
        time.sleep(min(PAUSE_S, 10 * shortest))
        shortest = min(shortest, typical_forward_seconds(policy))
    return shortest
