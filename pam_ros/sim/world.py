# SPDX-License-Identifier: Apache-2.0
"""The demo robot as a driver sees it: observations out, joint commands in, episode after episode.

No ROS here: the node wires this to topics, `pam_ros sim evaluate` and the tests use it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import Episode
from pam_ros.sim.scene import (
    CAMERA_NAMES,
    CONTROL_HZ,
    EVALUATION_SEEDS,
    JOINT_NAMES,
    OBJECTS,
    Scene,
)
from pam_ros.sim.task import ReachTask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PERIOD_NS = 1_000_000_000 // CONTROL_HZ
HOLD_AFTER_TICKS = 5
"""Without a command for this many ticks the arm holds the pose that it has."""


@dataclass(frozen=True)
class Observation:
    """What the robot measures at one instant.

    time_ns: simulated time since the world began; it never goes back, a reset does not change it.
    images: by camera name, (height, width, 3) uint8 RGB. positions (6,) rad, velocities (6,) rad/s,
    in the order of JOINT_NAMES.
    """

    time_ns: int
    images: Mapping[str, NDArray[np.uint8]]
    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]


class World:
    """A scene with a clock, a task and a run of seeds.

    first_seed: of the first episode; each further episode takes the next one. blind: pictures by
    camera name (HxWx3 uint8) that replace what the cameras see. target: which of OBJECTS the task
    is about.
    """

    def __init__(
        self,
        first_seed: int = EVALUATION_SEEDS.start,
        blind: Mapping[str, NDArray[np.uint8]] | None = None,
        target: str = OBJECTS[0],
    ) -> None:
        self.scene = Scene()
        self.time_ns = 0
        self.seed = first_seed
        self.aim(target)
        self._blind = blind
        self._ticks_without_command = 0
        self.reset(first_seed)

    def reset(self, seed: int | None = None) -> int:
        """Start an episode with `seed`, by default the one after the last; return the seed."""
        self.seed = self.seed + 1 if seed is None else seed
        self.scene.reset(self.seed)
        self.task = ReachTask()
        self._ticks_without_command = 0
        return self.seed

    @property
    def target(self) -> str:
        """Which of OBJECTS the task is about."""
        return self._target

    def aim(self, target: str) -> None:
        """The task is about this object from now on; the episode begins anew where the arm is.

        Raises SimError when the scene has no such object.
        """
        self.scene.position(target)
        self._target, self.task = target, ReachTask()

    def observe(self) -> Observation:
        """Render the cameras and read the joints."""
        images = self._blind or {camera: self.scene.render(camera) for camera in CAMERA_NAMES}
        return Observation(
            self.time_ns, images, self.scene.joint_positions, self.scene.joint_velocities
        )

    def command(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Set the targets of the named joints, radians, in any order; all six are needed.

        Raises SimError when a joint is missing or unknown, or a value is not finite; the arm then
        keeps its targets.
        """
        if sorted(names) != sorted(JOINT_NAMES) or len(positions) != len(names):
            raise SimError(
                f"a command names the joints {', '.join(JOINT_NAMES)} once each with a position, "
                f"got {len(positions)} positions for {', '.join(names) or 'no joints'}"
            )
        by_name = dict(zip(names, positions, strict=True))
        self.scene.command(np.array([by_name[name] for name in JOINT_NAMES]))
        self._ticks_without_command = 0

    def step(self) -> Episode | None:
        """Let one control period pass; return how the episode ended once it has, else None.

        After the end the world goes on; call `reset` for the next episode.
        """
        self._ticks_without_command += 1
        if self._ticks_without_command == HOLD_AFTER_TICKS + 1:
            self.scene.command(self.scene.joint_positions)
        self.scene.step()
        self.time_ns += PERIOD_NS
        self.task.update(self.scene.tip, self.scene.position(self._target))
        if not self.task.done:
            return None
        return Episode(self.seed, self.task.success, self.task.ticks, self.task.distance)

    def close(self) -> None:
        """Free the renderer."""
        self.scene.close()
