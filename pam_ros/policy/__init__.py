# SPDX-License-Identifier: Apache-2.0
"""A policy that also says what it looked at. Knows no ROS.

Example:
    from pam_ros.policy import load_policy, wrap

    policy = load_policy("outputs/act/pretrained_model")      # or a hub id: "user/act_so101"
    policy = wrap(act_policy, preprocessor, postprocessor)    # or one that is in memory

    policy.reset()                                            # an episode begins
    output = policy.step({
        "observation.images.top": frame,                      # (H, W, 3) uint8, RGB
        "observation.state": joints,                          # (state_dim,) float32
    })
    robot.send(output.action)                                 # as lerobot's select_action
    output.attention                                          # (layers, heads, chunk, tokens)

Importing this package costs no torch; the first use of load_policy or wrap does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pam_ros.policy.interface import (
    BatchResult,
    CameraSpec,
    EngineReport,
    FeatureStatistics,
    ObservationError,
    Policy,
    PolicyError,
    PolicyOutput,
    PolicySpec,
    PrecisionError,
    QueuedAction,
)

if TYPE_CHECKING:
    from pam_ros.policy.act.load import wrap
    from pam_ros.policy.engines.names import CHOICES as ENGINES
    from pam_ros.policy.engines.names import DTYPES
    from pam_ros.policy.load import load_policy

__all__ = [
    "DTYPES",
    "ENGINES",
    "BatchResult",
    "CameraSpec",
    "EngineReport",
    "FeatureStatistics",
    "ObservationError",
    "Policy",
    "PolicyError",
    "PolicyOutput",
    "PolicySpec",
    "PrecisionError",
    "QueuedAction",
    "load_policy",
    "wrap",
]


_LATE = {
    "DTYPES": ("pam_ros.policy.engines.names", "DTYPES"),
    "ENGINES": ("pam_ros.policy.engines.names", "CHOICES"),
    "load_policy": ("pam_ros.policy.load", "load_policy"),
    "wrap": ("pam_ros.policy.act.load", "wrap"),
}


def __getattr__(name: str) -> object:
    late = _LATE.get(name)
    if late is not None:
        room, its_name = late
        return getattr(importlib.import_module(room), its_name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
