# SPDX-License-Identifier: Apache-2.0
"""Where observations come from: the simulator, a LeRobot dataset, rosbags.

Every source gives the same frames whenever it is asked, so that a stopped collection goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pam_ros.observations.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy import Policy


@dataclass(frozen=True, eq=False)
class Frame:
    """One tick. tokens: of the pass that the source made anyway; None where it made none."""

    episode: int
    frame: int
    observation: Mapping[str, NDArray[Any]]
    tokens: NDArray[np.float32] | None = None


class Source(Protocol):
    """Episodes in a fixed order; `dataset` says in words what they are."""

    @property
    def dataset(self) -> str:
        """For the provenance."""
        ...

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """The frames after (episode, frame), or all.

        Raises:
            SourceError: the source cannot be read, or has no such episode.
        """
        ...


@dataclass(frozen=True)
class RolloutSource:
    """The policy drives the demo arm; an episode's number is its scene's seed."""

    policy: Policy
    seeds: range

    @property
    def dataset(self) -> str:
        """For the provenance."""
        last = self.seeds[-1] if self.seeds else self.seeds.start
        return f"demo arm driven by the policy, seeds {self.seeds.start} to {last}"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source; an episode that was cut short runs again from its start."""
        from pam_ros.sim.rollout import observe  # noqa: PLC0415  (MuJoCo)
        from pam_ros.sim.scene import Scene  # noqa: PLC0415
        from pam_ros.sim.task import ReachTask  # noqa: PLC0415

        if not self.seeds:
            raise SourceError("there are no seeds: --episodes must be at least 1")
        with Scene() as scene:
            for seed in self.seeds:
                if after is not None and seed < after[0]:
                    continue
                scene.reset(seed)
                self.policy.reset()
                task = ReachTask()
                frame = 0
                while not task.done:
                    observation = observe(scene)
                    output = self.policy.step(observation)
                    if after is None or (seed, frame) > after:
                        yield Frame(seed, frame, observation, output.tokens)
                    scene.command(output.action)
                    scene.step()
                    task.update(scene.tip, scene.cube)
                    frame += 1
