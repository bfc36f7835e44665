# SPDX-License-Identifier: Apache-2.0
"""One episode after the other: an actor drives the arm, the task says whether it succeeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pam_ros.sim.scene import CAMERA_NAMES, OBJECTS, Scene
from pam_ros.sim.task import ReachTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray


class Actor(Protocol):
    """What drives the arm."""

    def reset(self) -> None:
        """Forget the last episode."""

    def act(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
        """Joint targets (6,) in radians for an observation, as `observe` returns it."""


@dataclass(frozen=True)
class Episode:
    """How an episode ended. ticks: control periods; distance: metres from the goal at the end."""

    seed: int
    success: bool
    ticks: int
    distance: float


def observe(
    scene: Scene, blind: Mapping[str, NDArray[np.uint8]] | None = None
) -> dict[str, NDArray[Any]]:
    """What the policy sees: images (height, width, 3) uint8 RGB and joint positions (6,) float32.

    blind: pictures by camera name to show in place of what the cameras see.
    """
    observation: dict[str, NDArray[Any]] = {
        f"observation.images.{camera}": scene.render(camera) if blind is None else blind[camera]
        for camera in CAMERA_NAMES
    }
    observation["observation.state"] = scene.joint_positions.astype(np.float32)
    return observation


def run_episode(
    scene: Scene,
    actor: Actor,
    seed: int,
    blind: Mapping[str, NDArray[np.uint8]] | None = None,
    target: str = OBJECTS[0],
) -> Episode:
    """Let `actor` drive the scene of `seed` until it has reached the target, or time is up."""
    scene.reset(seed)
    actor.reset()
    task = ReachTask()
    while not task.done:
        scene.command(actor.act(observe(scene, blind)))
        scene.step()
        task.update(scene.tip, scene.position(target))
    return Episode(seed, task.success, task.ticks, task.distance)


def run_episodes(
    scene: Scene,
    actor: Actor,
    seeds: Iterable[int],
    blind: Mapping[str, NDArray[np.uint8]] | None = None,
) -> Iterator[Episode]:
    """`run_episode` for each seed, as they end."""
    for seed in seeds:
        yield run_episode(scene, actor, seed, blind)
