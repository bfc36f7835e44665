# SPDX-License-Identifier: Apache-2.0
"""The observations of the demo arm, driven by the policy or by the expert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pam_ros.observations.errors import SourceError
from pam_ros.observations.source import Frame
from pam_ros.policy.words import instruction_of, reads_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy
    from pam_ros.sim.scene import Scene

_SECOND = 1_000_000_000


def simulators_words(policy: Policy) -> str:
    """What is said in the simulator to a policy that reads words and was told nothing; else empty.

    It asks for the red cube, whose place the task and the measurements know.
    """
    if not reads_words(policy) or instruction_of(policy):
        return ""
    from pam_ros.sim.instructions import instruction  # noqa: PLC0415
    from pam_ros.sim.scene import OBJECTS  # noqa: PLC0415  (MuJoCo)

    return instruction(OBJECTS[0])


class Driver(Protocol):
    """What drives the arm. looks: whether it needs the observation, which takes time to render."""

    @property
    def looks(self) -> bool:
        """Whether it reads the observation."""
        ...

    def reset(self) -> None:
        """Forget the last episode."""
        ...

    def act(
        self, scene: Scene, observation: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32] | None]:
        """Joint targets (6,) [rad], and the tokens (T, D) of the pass that gave them, if any."""
        ...


@dataclass(frozen=True)
class PolicyDriver:
    """The policy, by what it sees."""

    policy: Policy
    looks: bool = True

    def reset(self) -> None:
        """See Driver."""
        self.policy.reset()

    def act(
        self, scene: Scene, observation: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32] | None]:
        """See Driver."""
        del scene
        output = self.policy.step(observation)
        return output.action, output.tokens


@dataclass(frozen=True)
class ExpertDriver:
    """The scripted expert, which knows where the cube is: every policy gets the same pictures."""

    looks: bool = False

    def reset(self) -> None:
        """It keeps nothing."""

    def act(
        self, scene: Scene, observation: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32] | None]:
        """See Driver."""
        from pam_ros.sim.expert import expert_action  # noqa: PLC0415  (MuJoCo)

        del observation
        return expert_action(scene.joint_positions, scene.cube), None


def drive(
    scene: Scene,
    seed: int,
    driver: Driver,
    wanted: Callable[[int], bool],
    over: Callable[[Scene], bool],
    task: str = "",
) -> Iterator[Frame]:
    """One episode, from the start of the seed's scene; its number is the seed.

    Args:
        scene: it stands as the frame shows it until the next one is asked for.
        seed: of the scene.
        driver: acts in every tick.
        wanted: whether a tick's frame is to be made.
        over: asked after every tick whether the episode is over.
        task: what the driver was told.
    """
    from pam_ros.sim.rollout import observe  # noqa: PLC0415  (MuJoCo)
    from pam_ros.sim.scene import CONTROL_HZ  # noqa: PLC0415

    scene.reset(seed)
    driver.reset()
    frame, done = 0, False
    while not done:
        observation = observe(scene) if driver.looks or wanted(frame) else {}
        action, tokens = driver.act(scene, observation)
        if wanted(frame):
            yield Frame(seed, frame, observation, tokens, frame * _SECOND // CONTROL_HZ, task)
        scene.command(action)
        scene.step()
        done = over(scene)
        frame += 1


@dataclass(frozen=True)
class RolloutSource:
    """The policy drives the demo arm until its task is done; an episode's number is its seed."""

    policy: Policy
    seeds: range

    @property
    def dataset(self) -> str:
        """For the provenance."""
        last = self.seeds[-1] if self.seeds else self.seeds.start
        return f"demo arm driven by the policy, seeds {self.seeds.start} to {last}"

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source; an episode that was cut short runs again from its start."""
        from pam_ros.sim.scene import Scene  # noqa: PLC0415  (MuJoCo)

        if not self.seeds:
            raise SourceError("there are no seeds: --episodes must be at least 1")
        with Scene() as scene:
            for seed in self.seeds:
                if after is None or seed >= after[0]:
                    yield from self._episode(scene, seed, after)

    def _episode(self, scene: Scene, seed: int, after: tuple[int, int] | None) -> Iterator[Frame]:
        from pam_ros.sim.task import ReachTask  # noqa: PLC0415  (MuJoCo)

        task = ReachTask()
        return drive(
            scene,
            seed,
            PolicyDriver(self.policy),
            wanted=lambda frame: after is None or (seed, frame) > after,
            over=lambda scene: task.update(scene.tip, scene.cube),
            task=instruction_of(self.policy),
        )
