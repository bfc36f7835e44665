# SPDX-License-Identifier: Apache-2.0
"""The simulated arm driven by a policy of which one input is replaced in every tick."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.ablation.moments import moments_of, needed, spread_out
from pam_ros.ablation.replacements import EMPTY
from pam_ros.observations.source import Frame
from pam_ros.policy.abilities import Instructed, Observing
from pam_ros.sim.rollout import run_episode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.ablation.moments import Moment, Observation
    from pam_ros.ablation.replacements import Ablation, Replacer
    from pam_ros.policy.interface import Policy
    from pam_ros.sim.rollout import Episode
    from pam_ros.sim.scene import Scene

INTACT = ""
"""The key of episodes in which nothing is replaced."""


@dataclass(frozen=True)
class Ending:
    """How an episode ended.

    key: of its ablation, or INTACT. seed: of its scene. ticks: control periods. distance: from the
    goal at the end, metres.
    """

    key: str
    seed: int
    success: bool
    ticks: int
    distance: float


class Driver:
    """The policy as an actor of the simulator. It sees what `seen` makes of an observation.

    Its queue is used as by the node: a pass runs where no action is left.
    """

    def __init__(self, policy: Policy, seen: Callable[[Observation, int], Observation]) -> None:
        self._policy = policy
        self._seen = seen
        self._tick = 0

    def reset(self) -> None:
        """See rollout.Actor."""
        self._policy.reset()
        self._tick = 0

    def act(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
        """See rollout.Actor."""
        policy = self._policy
        seen = self._seen(observation, self._tick)
        self._tick += 1
        queued = policy.pop_action()
        if queued is None:
            return policy.step(seen).action
        if isinstance(policy, Observing):
            policy.observe(seen)
        policy.skip()
        return queued.action


@dataclass(frozen=True, eq=False)
class Run:
    """An episode in which nothing was replaced, and all that the policy saw."""

    ending: Ending
    observations: Sequence[Observation]


def intact_run(scene: Scene, policy: Policy, seed: int) -> Run:
    """Drive one scene, and keep what was seen."""
    kept: list[Observation] = []

    def seen(observation: Observation, _: int) -> Observation:
        kept.append(observation)
        return observation

    ended = run_episode(scene, Driver(policy, seen), seed)
    return Run(_ending(INTACT, ended), kept)


def spoilt_runs(
    scene: Scene,
    policy: Policy,
    ablation: Ablation,
    replacer: Replacer,
    runs: Sequence[Run],
    done: Callable[[int], bool],
) -> Iterator[Ending]:
    """Drive the scenes of the runs again, with an input replaced.

    What is another frame's is that of the next run at the same tick, or at its last: an episode
    of its own that has nothing to do with this scene. One run alone has its own of half an episode
    away.

    Args:
        scene: of the simulator.
        policy: that drives.
        ablation: one that can be made.
        replacer: of inputs.
        runs: of the same scenes.
        done: whether a seed's episode is not needed.
    """
    for place, run in enumerate(runs):
        if done(run.ending.seed):
            continue
        other = _of_another(runs, place)
        with _words(policy, ablation):
            ended = run_episode(
                scene, Driver(policy, _spoilt(ablation, replacer, other)), run.ending.seed
            )
        yield _ending(ablation.key, ended)


def _of_another(runs: Sequence[Run], place: int) -> Sequence[Observation]:
    """Of the next run; of one alone, its own from the middle on and then from the beginning."""
    if len(runs) > 1:
        return runs[(place + 1) % len(runs)].observations
    own = list(runs[place].observations)
    return own[len(own) // 2 :] + own[: len(own) // 2]


def simulated_moments(runs: Sequence[Run], frames: int, past: int) -> list[Moment]:
    """Moments of intact runs, about so many of all together; a run's seed is its episode."""
    lengths = {run.ending.seed: len(run.observations) for run in runs}
    each = -(-frames // len(runs))
    wanted = {seed: spread_out(length, each) for seed, length in lengths.items()}
    places = needed(wanted, lengths, past)
    return moments_of(_frames(runs, places), wanted, past)


def _frames(runs: Iterable[Run], places: set[tuple[int, int]]) -> Iterator[Frame]:
    for run in runs:
        for number, observation in enumerate(run.observations):
            if (run.ending.seed, number) in places:
                yield Frame(run.ending.seed, number, observation)


def _spoilt(
    ablation: Ablation, replacer: Replacer, other: Sequence[Observation]
) -> Callable[[Observation, int], Observation]:
    first: list[Observation] = []

    def seen(observation: Observation, tick: int) -> Observation:
        if tick == 0:
            first[:] = [observation]
        stand_in = other[min(tick, len(other) - 1)]
        return replacer.replaced(ablation, observation, stand_in, first[0])

    return seen


@contextmanager
def _words(policy: Policy, ablation: Ablation) -> Iterator[None]:
    """Within, the policy reads no words if that is the ablation."""
    if ablation.replacement != EMPTY or not isinstance(policy, Instructed):
        yield
        return
    own = policy.instruction
    policy.instruct("")
    try:
        yield
    finally:
        policy.instruct(own)


def _ending(key: str, ended: Episode) -> Ending:
    return Ending(key, ended.seed, ended.success, ended.ticks, ended.distance)
