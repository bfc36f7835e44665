# SPDX-License-Identifier: Apache-2.0
"""Episodes of the demo arm as they would look with another cube or under another light.

The objects stand and the joints move as in a store of the simulator's episodes; only the pictures
are rendered anew. So a detector that tells them apart saw the change and not what the policy made
of it.

cube_colour  the red cube is yellow, magenta, cyan or white
light        every lamp at 75%, at 120%, warmer or colder

One of the four for each episode, in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.observations.source import Frame
from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pam_ros.sae.store.token_store import TokenStore
    from pam_ros.sim.scene import Scene

    Observation = Mapping[str, NDArray[Any]]

CHANGES = ("cube_colour", "light")

_COLOURS = ((0.90, 0.80, 0.10), (0.80, 0.10, 0.70), (0.10, 0.75, 0.80), (0.92, 0.92, 0.92))
_LIGHTS = ((0.75, 0.75, 0.75), (1.2, 1.2, 1.2), (1.1, 1.0, 0.85), (0.85, 0.95, 1.1))
_STATE = "observation.state"
_OURS_ALONE = "only episodes collected with --sim can be rendered anew"
_ALIKE = 0.5
"""Mean difference of two renderings of one scene, in grey levels, at most: joints are kept as
float32, and drivers round differently."""


@dataclass(frozen=True)
class ChangedSceneSource:
    """A store's episodes with a change of the scene, as a source for `collect`.

    store: of the simulator, with its observations. change: one of CHANGES. episodes: how many of
    the store's, from its first.

    Raises:
        SaeError: an unknown change.
    """

    store: TokenStore
    change: str
    episodes: int

    def __post_init__(self) -> None:
        if self.change not in CHANGES:
            raise SaeError(f"change {self.change!r} must be one of {', '.join(CHANGES)}")

    @property
    def dataset(self) -> str:
        """For the provenance."""
        return f"{self.change}: first {self.episodes} episodes of {self.store.info.dataset}"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See sources.Source.

        Raises:
            SaeError: the store's pictures are not those of the simulator's scenes, or it cannot
                render.
        """
        from pam_ros.sim.scene import Scene, place  # noqa: PLC0415  (MuJoCo)

        episode, seen = None, 0
        with Scene() as scene:
            for stored in self.store.observations():
                first = stored.episode != episode
                if first and seen == self.episodes:
                    return
                joints = self._joints(stored.observation)
                scene.set_placement(replace(place(stored.episode), start=joints))
                if first:
                    episode, seen = stored.episode, seen + 1
                    if seen == 1:
                        self._check(scene, stored.observation)
                    change_scene(scene, self.change, seen - 1)
                if after is None or (stored.episode, stored.frame) > after:
                    seen_now = _seen(scene, stored.observation)
                    yield Frame(stored.episode, stored.frame, seen_now, task=stored.task)

    def _joints(self, observation: Observation) -> NDArray[np.float64]:
        from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES  # noqa: PLC0415

        cameras = {
            name.rpartition(".")[2] for name, value in observation.items() if value.ndim == 3
        }
        joints = np.asarray(observation.get(_STATE, ()), np.float64)
        if joints.shape != (len(JOINT_NAMES),) or not cameras <= set(CAMERA_NAMES):
            raise SaeError(f"{self.store.folder} is not of the demo arm: {_OURS_ALONE}")
        return joints

    def _check(self, scene: Scene, observation: Observation) -> None:
        for feature, image in _seen(scene, observation).items():
            kept = observation[feature]
            if image.shape != kept.shape or _apart(image, kept) > _ALIKE:
                raise SaeError(
                    f"{self.store.folder}: its {feature} is not what the simulator shows of the "
                    f"scene with that seed: {_OURS_ALONE}"
                )


def change_scene(scene: Scene, change: str, number: int) -> None:
    """Give the cube its colour, or the lamps their light; replaces the last one's."""
    model = scene.model
    if change == "cube_colour":
        model.geom("red_cube").rgba[:3] = _COLOURS[number % len(_COLOURS)]
        return
    from pam_ros.sim.scene import Scene  # noqa: PLC0415

    usual, factor = Scene().model, np.array(_LIGHTS[number % len(_LIGHTS)])
    model.light_diffuse[:] = usual.light_diffuse * factor
    for part in ("ambient", "diffuse"):
        getattr(model.vis.headlight, part)[:] = getattr(usual.vis.headlight, part) * factor


def _seen(scene: Scene, observation: Observation) -> Observation:
    """The observation with its pictures rendered anew."""
    return {
        feature: scene.render(feature.rpartition(".")[2]) if value.ndim == 3 else value
        for feature, value in observation.items()
    }


def _apart(image: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(image.astype(np.float32) - other.astype(np.float32)).mean())
