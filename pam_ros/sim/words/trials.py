# SPDX-License-Identifier: Apache-2.0
"""One episode of a policy that is told what to do, and which object it reached.

An episode is over when the tip has been at any object's goal for half a second, or when time is up.
So an actor that does not heed the words reaches the named object in a third of the scenes, if it
reaches any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import OBJECTS, Scene
from pam_ros.sim.task import EPISODE_TICKS, ReachTask, goal_point

if TYPE_CHECKING:
    from pam_ros.sim.words.actors import WordActor

CHANGE_TICK = 8
"""When words change on the way: after 0.8 s, when the arm has gone about half of it."""


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes:
        condition: which row of the table it counts in.
        seed: of the scene.
        text: what the policy is told; None: its words are masked.
        named: which of OBJECTS the text asks for; None if none.
        first: what it is told up to CHANGE_TICK, if that is something else.
    """

    condition: str
    seed: int
    text: str | None
    named: str | None
    first: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: what was tried.
        reached: which of OBJECTS the arm came to rest at; None if at none.
        ticks: control periods from the start, or from the change of words.
        nearest: which object's goal was nearest at the end.
        distance: metres from the named object's goal at the end; from the nearest if none is named.
    """

    trial: Trial
    reached: str | None
    ticks: int
    nearest: str
    distance: float

    @property
    def obeyed(self) -> bool:
        """Whether it reached what was named."""
        return self.trial.named is not None and self.reached == self.trial.named


def run_trial(scene: Scene, actor: WordActor, trial: Trial) -> Outcome:
    """Let the actor drive the trial's scene."""
    scene.reset(trial.seed)
    actor.reset()
    if trial.first is not None:
        actor.instruct(trial.first)
        for _ in range(CHANGE_TICK):
            scene.command(actor.act(observe(scene)))
            scene.step()
    actor.instruct(trial.text)
    tasks = {name: ReachTask() for name in OBJECTS}
    reached, ticks = None, 0
    while reached is None and ticks < EPISODE_TICKS:
        scene.command(actor.act(observe(scene)))
        scene.step()
        ticks += 1
        for name, task in tasks.items():
            task.update(scene.tip, scene.position(name))
            if task.success:
                reached = name
    distances = {
        name: float(np.linalg.norm(scene.tip - goal_point(scene.position(name))))
        for name in OBJECTS
    }
    nearest = min(distances, key=lambda name: distances[name])
    return Outcome(trial, reached, ticks, nearest, distances[trial.named or nearest])
