# SPDX-License-Identifier: Apache-2.0
"""How the policy that reads words is made, from nothing to a checkpoint."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sim.errors import SimError
from pam_ros.sim.instructions import instruction
from pam_ros.sim.rollout import run_episode
from pam_ros.sim.scene import OBJECTS, VALIDATION_SEEDS, Scene
from pam_ros.sim.training.recipe import usable_device
from pam_ros.sim.words.actors import LeRobotActor
from pam_ros.sim.words.checkpoint import load_checkpoint, save_checkpoint
from pam_ros.sim.words.draws import Draws
from pam_ros.sim.words.model import word_embedding
from pam_ros.sim.words.stats import Stats
from pam_ros.sim.words.texts import give_unseen_words_the_mean
from pam_ros.sim.words.train import Plan, Trainer
from pam_ros.sim.words.vlm_folder import write_vlm_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pam_ros.sim.words.actors import WordActor

_LOG = logging.getLogger(__name__)

VALIDATION_SCENES = 10


@dataclass(frozen=True)
class Validation:
    """How a policy did in the first validation scenes.

    reached: successes by instruction, in the order of OBJECTS. scenes: tried with each.
    miss: median distance from the named object's goal at the end, metres.
    """

    reached: tuple[int, ...]
    scenes: int
    miss: float


def train_words(out: Path, work: Path, plan: Plan, device: str, validate_every: int) -> None:
    """Train by the plan and write the checkpoint to `out`.

    Stopping it at any time loses little: the state stays in `work`, and what it was at the last
    validation, as a checkpoint, in `work/latest`.

    Raises SimError when the plan or the device is not usable.
    """
    where = usable_device(device)
    check_plan(plan)
    work.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(_stats(work / "stats.npz"), _vlm(work / "vlm"), work, plan, where)

    def after_step(step: int) -> None:
        if validate_every and step % validate_every == 0:
            finish(trainer, work / "latest")
            found = validate(work / "latest", VALIDATION_SCENES)
            _LOG.info(
                "validation after step %d: %s of %d scenes each, median miss %.1f cm",
                step,
                ", ".join(f"{n} {name}" for n, name in zip(found.reached, OBJECTS, strict=True)),
                found.scenes,
                100 * found.miss,
            )

    trainer.run(after_step)
    finish(trainer, out)
    _LOG.info("checkpoint written; try: pam_ros sim evaluate --instructions --policy %s", out)


def check_plan(plan: Plan) -> None:
    """Raises SimError when a training cannot go by it."""
    if plan.steps < 1:
        raise SimError(f"--steps must be at least 1, got {plan.steps}")
    if plan.batch < 1:
        raise SimError(f"--batch must be at least 1, got {plan.batch}")
    if not 0.0 <= plan.locate_weight < math.inf:
        raise SimError(f"--locate-weight must be 0 or more, got {plan.locate_weight}")


def finish(trainer: Trainer, out: Path) -> None:
    """Write the LeRobot checkpoint of the averaged weights to `out`.

    Words that training never saw have the mean of those that it saw.
    """
    policy = copy.deepcopy(trainer.averaged)
    give_unseen_words_the_mean(word_embedding(policy), trainer.tokenizer)
    save_checkpoint(policy, trainer.stats, out)


def validate(checkpoint: Path, scenes: int) -> Validation:
    """Let the policy of a checkpoint reach each object in the first validation scenes."""
    actor = LeRobotActor(*load_checkpoint(checkpoint))
    reached, misses = [], []
    with Scene() as scene:
        for target in OBJECTS:
            ended = list(_episodes(scene, actor, target, scenes))
            reached.append(sum(success for success, _ in ended))
            misses += [miss for _, miss in ended]
    return Validation(tuple(reached), scenes, float(np.median(misses)))


def _episodes(
    scene: Scene, actor: WordActor, target: str, scenes: int
) -> Iterator[tuple[bool, float]]:
    for seed in VALIDATION_SEEDS[:scenes]:
        actor.instruct(instruction(target))
        episode = run_episode(scene, actor, seed, target=target)
        yield episode.success, episode.distance


def _vlm(folder: Path) -> Path:
    write_vlm_folder(folder)
    return folder


def _stats(file: Path) -> Stats:
    if not file.exists():
        draws = Draws()
        try:
            Stats.of(draws).save(file)
        finally:
            draws.close()
    return Stats.load(file)
