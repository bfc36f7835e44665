# SPDX-License-Identifier: Apache-2.0
"""What a robot's LeRobot policy depends on, live in ROS 2 and afterwards.

Example:
    import pam_ros

    policy = pam_ros.load_policy("models/demo_act")     # a folder or hub id; wrap: one in memory
    policy.look(dataset[0])                             # in a notebook: the heat on the pictures
    policy.run_with_cache(dataset[0], "encoder.*.attn")

    pam_ros.policy        a checkpoint: passes, looks, activations, patches
    pam_ros.attention     weights to maps to pictures
    pam_ros.sae           sparse autoencoders: features, steering, out-of-distribution
    pam_ros.robot         the contract of a robot: topics to arrays and back
    pam_ros.bags          rosbag2 recordings, read and written without ROS
    pam_ros.observations  ticks of bags, data sets and the simulator

None of these needs ROS. On the command line `pam_ros --help` has the rest.
"""

# Built with colcon this file takes the place of an empty one that comes with pam_ros.msg, and every
# import of a message runs it: so it imports nothing.

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pam_ros.policy import load_policy, look, wrap

__version__ = "0.1.0"
__all__ = ["load_policy", "look", "wrap"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from pam_ros import policy  # noqa: PLC0415

        return getattr(policy, name)
    if name in _ROOMS:
        from importlib import import_module  # noqa: PLC0415

        return import_module(f"pam_ros.{name}")
    message = f"module 'pam_ros' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})


_ROOMS = ("attention", "bags", "observations", "policy", "robot", "sae")
