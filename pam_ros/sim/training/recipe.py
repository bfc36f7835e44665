# SPDX-License-Identifier: Apache-2.0
"""How the shipped checkpoint is made, from nothing to the folder in models/."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import IMAGE_WIDTH, TRAINING_SEEDS, Scene
from pam_ros.sim.training.dataset import record
from pam_ros.sim.training.samples import Episodes
from pam_ros.sim.training.stats import Stats
from pam_ros.sim.training.train import AUXILIARY_WEIGHT, PHASES, Trainer, finish, validate

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)

EPISODES_PER_DATASET = 200
"""One process records one dataset; several record at a time."""

CORRECTIONS_PER_REACH = 5 / 6

VALIDATION_EPISODES = 20


@dataclass(frozen=True)
class Recipe:
    """What a policy is trained on; the defaults make the shipped one.

    Attributes:
        episodes: full reaches; corrections come on top of them.
        width: columns of the pictures that the policy reads.
        locate_weight: of the auxiliary loss that says where the cube is; 0 trains without it.
    """

    episodes: int = 1200
    width: int = IMAGE_WIDTH
    locate_weight: float = AUXILIARY_WEIGHT


def train_demo(out: Path, work: Path, recipe: Recipe, device: str, validate_every: int) -> None:
    """Record what is missing in `work`, train on it, write the checkpoint to `out`.

    Stopping it at any time loses little: complete datasets and the training state stay in `work`.

    Raises SimError when the recipe or the device is not usable.
    """
    where = usable_device(device)
    trainer = _prepare(work, recipe, where)
    with Scene() as scene:

        def after_step(step: int) -> None:
            if validate_every and step % validate_every == 0:
                reached, miss = validate(trainer, scene, VALIDATION_EPISODES)
                _LOG.info(
                    "validation after step %d: %d of %d, median miss %.1f cm",
                    step, reached, VALIDATION_EPISODES, 100 * miss,
                )  # fmt: skip

        trainer.run(after_step)
    finish(trainer, out)
    _LOG.info("checkpoint written; try: pam_ros sim evaluate --policy %s", out)


def _prepare(work: Path, recipe: Recipe, device: str) -> Trainer:
    episodes = recipe.episodes
    if not 1 <= episodes <= len(TRAINING_SEEDS) // 2:
        raise SimError(
            f"--episodes must lie between 1 and {len(TRAINING_SEEDS) // 2}, got {episodes}"
        )
    widths = [phase.width for phase in PHASES]
    if recipe.width not in widths:
        raise SimError(f"--width must be one of {widths}, got {recipe.width}")
    if not 0.0 <= recipe.locate_weight < math.inf:
        raise SimError(f"--locate-weight must be 0 or more, got {recipe.locate_weight}")
    data = Episodes(_record_missing(work / "episodes", episodes))
    _LOG.info("%d frames of %d episodes", len(data), data.episode[-1] + 1)
    phases = [phase for phase in PHASES if phase.width <= recipe.width]
    return Trainer(data, Stats.of(data), work, device, phases, recipe.locate_weight)


def _record_missing(folder: Path, episodes: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    everything = episodes + round(episodes * CORRECTIONS_PER_REACH)
    jobs = []
    for seeds, correction in (
        (TRAINING_SEEDS[:episodes], False),
        (TRAINING_SEEDS[episodes:everything], True),
    ):
        for start in range(0, len(seeds), EPISODES_PER_DATASET):
            part = seeds[start : start + EPISODES_PER_DATASET]
            name = f"{'corrections' if correction else 'reaches'}_{part.start}_{part.stop - 1}"
            jobs.append((folder / name, part, correction))
    missing = [job for job in jobs if not job[0].exists()]
    if missing:
        _LOG.info("recording %d episodes", sum(len(part) for _, part, _ in missing))
        # A renderer and torch's threads do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(min(len(missing), os.cpu_count() or 1)) as pool:
            pool.starmap(_record_whole, missing)
    return [path for path, _, _ in jobs]


def _record_whole(root: Path, seeds: range, correction: bool) -> None:
    """A dataset under its own name is complete."""
    partial = root.with_name(root.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    record(partial, seeds, correction)
    partial.rename(root)


def usable_device(name: str) -> str:
    """A device of torch by its name; "auto" takes the GPU where there is one.

    Raises SimError when it is not usable here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise SimError(f"device '{name}' is not usable here: {error}") from error
    return name
