# SPDX-License-Identifier: Apache-2.0
"""Where observations come from when no robot runs: the simulator, a dataset, recordings.

Example:
    from pam_ros.observations import open_recording_for

    recording = open_recording_for(policy, "my_bag", "my_robot.yaml")
    for tick in recording.frames(None):
        policy.look(tick)

Importing this package costs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.share.on_demand import on_demand

if TYPE_CHECKING:
    from pam_ros.observations.errors import SourceError
    from pam_ros.observations.opening import open_recording_for
    from pam_ros.observations.source import Frame

__all__ = ["Frame", "SourceError", "open_recording_for"]

__getattr__ = on_demand(
    __name__,
    {
        "errors": ("SourceError",),
        "opening": ("open_recording_for",),
        "source": ("Frame",),
    },
)
