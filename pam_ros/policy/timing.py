# SPDX-License-Identifier: Apache-2.0
"""How long a policy's forward pass takes here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy


def typical_forward_seconds(policy: Policy, passes: int = 5) -> float:
    """Median duration [s] of some forward passes on an empty observation, the first left out.

    The policy is reset afterwards.
    """
    spec = policy.spec
    features: dict[str, NDArray[Any]] = {
        camera.feature: np.zeros((camera.height, camera.width, 3), np.uint8)
        for camera in spec.cameras
    }
    vectors = (
        (spec.state_feature, spec.state_dim),
        (spec.environment_feature, spec.environment_dim),
    )
    features.update({name: np.zeros(dim, np.float32) for name, dim in vectors if name is not None})
    seconds = [policy.explain(features).forward_seconds for _ in range(passes + 1)]
    policy.reset()
    return float(np.median(seconds[1:]))
