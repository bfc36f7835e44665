# SPDX-License-Identifier: Apache-2.0
"""Training of the demo policy from scratch, on a CPU or a GPU, in steps that can be resumed.

The first steps see pictures of half the size, at a quarter of the price; the others see the full
size that the robot sees. ACT's positions are sinusoidal, so nothing in the model depends on it.
"""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import run_episodes
from pam_ros.sim.scene import IMAGE_WIDTH, VALIDATION_SEEDS, Scene
from pam_ros.sim.training.checkpoint import PolicyActor, save_checkpoint
from pam_ros.sim.training.precision import bfloat16_is_fast
from pam_ros.sim.training.trainee import CHUNK, Trainee

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sim.training.samples import Batch, Episodes
    from pam_ros.sim.training.stats import Stats

_LOG = logging.getLogger(__name__)

AUXILIARY_WEIGHT = 0.3
WARM_UP_STEPS = 150
SAVE_EVERY = 100
LOG_EVERY = 20


@dataclass(frozen=True)
class Phase:
    """Steps at one picture size. The learning rate falls from `lr` to `last_lr` by a cosine."""

    steps: int
    width: int
    batch: int
    lr: float
    last_lr: float


PHASES = (
    Phase(steps=2500, width=IMAGE_WIDTH // 2, batch=16, lr=5e-4, last_lr=1e-4),
    Phase(steps=2500, width=IMAGE_WIDTH, batch=8, lr=2e-4, last_lr=0.0),
)
"""Of the shipped policy."""


def learning_rate(step: int, phases: Sequence[Phase]) -> tuple[Phase, float]:
    """The phase that a step belongs to, and its learning rate."""
    start = 0
    for phase in phases:
        if step < start + phase.steps:
            progress = (step - start) / phase.steps
            rate = phase.last_lr + (phase.lr - phase.last_lr) * 0.5 * (
                1 + math.cos(math.pi * progress)
            )
            return phase, rate * min(1.0, (step + 1) / WARM_UP_STEPS)
        start += phase.steps
    raise ValueError(f"step {step} lies after the last phase")


class Trainer:
    """Owns the model, the optimiser and the step count; `state.pt` in `work` holds all three.

    The policy reads pictures of the last phase's width. locate_weight: of the auxiliary loss beside
    the actions'; 0 trains without it.
    """

    def __init__(
        self,
        episodes: Episodes,
        stats: Stats,
        work: Path,
        device: str = "cpu",
        phases: Sequence[Phase] = PHASES,
        locate_weight: float = AUXILIARY_WEIGHT,
    ) -> None:
        torch.manual_seed(0)
        self.step = 0
        self.stats = stats
        self._episodes = episodes
        self._weights = episodes.sampling_weights()
        self._phases = tuple(phases)
        self._locate_weight = locate_weight
        self._device = torch.device(device)
        self._state_file = work / "state.pt"
        self.model = Trainee(stats, self._phases[-1].width).to(self._device)
        self.model.backbone.to(memory_format=torch.channels_last)
        self._optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.0, weight_decay=1e-4)
        work.mkdir(parents=True, exist_ok=True)
        if self._state_file.exists():
            state = torch.load(self._state_file, map_location=self._device, weights_only=True)
            if state.get("recipe", self._recipe) != self._recipe:
                raise SimError(
                    f"{self._state_file} is of another training, with other widths, steps or "
                    "--locate-weight: name another --work"
                )
            self.model.load_state_dict(state["model"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.step = state["step"]
            _LOG.info("resuming at step %d", self.step)

    @property
    def _recipe(self) -> list[list[float]]:
        return [[float(value) for value in astuple(phase)] for phase in self._phases] + [
            [self._locate_weight]
        ]

    @property
    def total(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self._phases)

    @property
    def width(self) -> int:
        """Of the pictures that the last step saw."""
        return learning_rate(max(self.step - 1, 0), self._phases)[0].width

    def run(self, after_step: Callable[[int], None] | None = None) -> None:
        """Train to the last step, saving on the way; `after_step` gets the number of steps done."""
        self.model.train()
        started, first, smooth = time.monotonic(), self.step, None
        with ThreadPoolExecutor(1) as loader:
            upcoming = loader.submit(self._batch, self.step) if self.step < self.total else None
            while self.step < self.total:
                assert upcoming is not None
                batch = upcoming.result()
                if self.step + 1 < self.total:
                    upcoming = loader.submit(self._batch, self.step + 1)
                losses = np.array(self._update(batch))
                smooth = losses if smooth is None else 0.95 * smooth + 0.05 * losses
                self.step += 1
                if self.step % LOG_EVERY == 0:
                    _LOG.info(
                        "step %d of %d: actions %.4f, location %.3f, %.2f s a step",
                        self.step, self.total, smooth[0], smooth[1],
                        (time.monotonic() - started) / (self.step - first),
                    )  # fmt: skip
                if self.step % SAVE_EVERY == 0 or self.step == self.total:
                    self.save()
                if after_step is not None:
                    after_step(self.step)
                    self.model.train()

    def save(self) -> None:
        """Write `state.pt`, whole or not at all."""
        partial = self._state_file.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "step": self.step,
                "recipe": self._recipe,
            },
            partial,
        )
        partial.replace(self._state_file)

    def _batch(self, step: int) -> Batch:
        phase, _ = learning_rate(step, self._phases)
        # The draw depends on the step alone: a resumed run sees what an unbroken one would.
        rng = np.random.default_rng([7, step])
        chosen = rng.choice(len(self._episodes), phase.batch, p=self._weights)
        return self._episodes.batch(chosen, CHUNK, phase.width)

    def _update(self, batch: Batch) -> tuple[float, float]:
        _, rate = learning_rate(self.step, self._phases)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(
            self._device.type, torch.bfloat16, enabled=bfloat16_is_fast(self._device)
        ):
            actions, location = self.model(
                *(
                    self._tensor(array)
                    for array in (
                        batch.images, batch.state, batch.actions, batch.cube
                    )
                )
            )  # fmt: skip
        self._optimiser.zero_grad()
        (actions + self._locate_weight * location).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        return float(actions.detach()), float(location.detach())

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


def validate(trainer: Trainer, scene: Scene, count: int) -> tuple[int, float]:
    """Successes in the first `count` validation scenes, and the median miss in metres.

    The policy sees pictures of the size that the current phase trains on.
    """
    actor = PolicyActor.of(trainer.model.finished(), trainer.stats, width=trainer.width)
    ended = list(run_episodes(scene, actor, VALIDATION_SEEDS[:count]))
    return (
        sum(episode.success for episode in ended),
        float(np.median([episode.distance for episode in ended])),
    )


def finish(trainer: Trainer, out: Path) -> None:
    """Write the LeRobot checkpoint of the trained model to `out`."""
    save_checkpoint(trainer.model.finished(), trainer.stats, out)
