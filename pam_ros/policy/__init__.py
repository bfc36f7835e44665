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
    policy.look(observation)                                  # in a notebook: heat on the pictures
    chunk, cache = policy.run_with_cache(observation, "encoder.*.attn")

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
    from pam_ros.policy.hooks.cache import ActivationCache
    from pam_ros.policy.hooks.points import HookPoint
    from pam_ros.policy.load import load_policy
    from pam_ros.policy.notebook.activations import (
        activation_patching,
        edited,
        heads_ablated,
        patched,
        run_with_cache,
        run_with_hooks,
    )
    from pam_ros.policy.notebook.asking import look
    from pam_ros.policy.notebook.glance import Glance
    from pam_ros.policy.notebook.patching import Patching

__all__ = [
    "DTYPES",
    "ENGINES",
    "ActivationCache",
    "BatchResult",
    "CameraSpec",
    "EngineReport",
    "FeatureStatistics",
    "Glance",
    "HookPoint",
    "ObservationError",
    "Patching",
    "Policy",
    "PolicyError",
    "PolicyOutput",
    "PolicySpec",
    "PrecisionError",
    "QueuedAction",
    "activation_patching",
    "edited",
    "heads_ablated",
    "load_policy",
    "look",
    "patched",
    "run_with_cache",
    "run_with_hooks",
    "wrap",
]


_LATE = {
    "DTYPES": ("pam_ros.policy.engines.names", "DTYPES"),
    "ENGINES": ("pam_ros.policy.engines.names", "CHOICES"),
    "load_policy": ("pam_ros.policy.load", "load_policy"),
    "look": ("pam_ros.policy.notebook.asking", "look"),
    "Glance": ("pam_ros.policy.notebook.glance", "Glance"),
    "Patching": ("pam_ros.policy.notebook.patching", "Patching"),
    "ActivationCache": ("pam_ros.policy.hooks.cache", "ActivationCache"),
    "HookPoint": ("pam_ros.policy.hooks.points", "HookPoint"),
    **{
        name: ("pam_ros.policy.notebook.activations", name)
        for name in (
            "activation_patching",
            "edited",
            "heads_ablated",
            "patched",
            "run_with_cache",
            "run_with_hooks",
        )
    },
    "wrap": ("pam_ros.policy.act.load", "wrap"),
}


def __getattr__(name: str) -> object:
    late = _LATE.get(name)
    if late is not None:
        room, its_name = late
        return getattr(importlib.import_module(room), its_name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
