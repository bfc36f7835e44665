# SPDX-License-Identifier: Apache-2.0
"""How long a policy's forward pass takes here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.policy.observation import empty_observation

if TYPE_CHECKING:
    from pam_ros.policy.interface import Policy


def typical_forward_seconds(policy: Policy, passes: int = 5) -> float:
    """Median duration [s] of some forward passes on an empty observation, the first left out.

    The policy is reset afterwards.
    """
    features = empty_observation(policy.spec)
    seconds = [policy.explain(features).forward_seconds for _ in range(passes + 1)]
    policy.reset()
    return float(np.median(seconds[1:]))
