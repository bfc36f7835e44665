# SPDX-License-Identifier: Apache-2.0
"""The task and its success rule, one for the tests, the training and the evaluation over topics.

The task is about one object, its target. All objects are as high as the cube.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.scene import CONTROL_HZ, CUBE_HALF_SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOAL_HEIGHT = 0.01
"""The goal lies this far above the middle of the target's top face, metres."""

TOLERANCE = 0.02
"""The gripper tip is at the goal when it is within this distance, metres."""

HOLD_TICKS = round(0.5 * CONTROL_HZ)
EPISODE_TICKS = 10 * CONTROL_HZ


def goal_point(target: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Where the tip has to go (3,), for the middle of the target (3,), metres."""
    x, y, z = (float(value) for value in target)
    return np.array([x, y, z + CUBE_HALF_SIZE + GOAL_HEIGHT])


class ReachTask:
    """Counts the ticks of an episode and says when it is over.

    `update` is called once after every control period. The task succeeds when the tip has been at
    the goal for 0.5 s without a break: at the start of the hold and at every tick until its end.
    """

    def __init__(self) -> None:
        self.ticks = 0
        self.held = 0
        self.success = False
        self.distance = float("inf")
        """Metres from the tip to the goal at the last update."""

    @property
    def done(self) -> bool:
        """Whether the episode has ended, by success or by time."""
        return self.success or self.ticks >= EPISODE_TICKS

    def update(self, tip: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> bool:
        """Take the tip's and the target's positions (3,) after a tick; return `done`."""
        self.ticks += 1
        self.distance = float(np.linalg.norm(np.asarray(tip) - goal_point(target)))
        self.held = self.held + 1 if self.distance <= TOLERANCE else 0
        # n + 1 readings in a row span n control periods.
        if self.held >= HOLD_TICKS + 1:
            self.success = True
        return self.done
