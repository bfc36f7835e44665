# SPDX-License-Identifier: Apache-2.0
"""Training of the policy that reads words, from scratch, in steps that can be resumed.

What is drawn in a step depends on its number alone, so a resumed run sees what an unbroken one
would have seen. Beside the weights an average of them over the last thousand steps or so is kept
(Polyak and Juditsky, 1992, https://doi.org/10.1137/0330046): that average is the policy.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import JOINT_NAMES, OBJECTS
from pam_ros.sim.training.precision import bfloat16_is_fast
from pam_ros.sim.words.draws import CHUNK, Draws
from pam_ros.sim.words.lerobot_api import AutoTokenizer
from pam_ros.sim.words.model import NOISE_DRAWS, Losses, Trainee
from pam_ros.sim.words.texts import draw_text, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from pam_ros.sim.words.draws import Batch
    from pam_ros.sim.words.stats import Stats

_LOG = logging.getLogger(__name__)

LOG_EVERY = 20


@dataclass(frozen=True)
class Plan:
    """How long and how fast; the defaults make the shipped policy.

    Attributes:
        steps: of training.
        batch: observations in a step; each has three instructions.
        lr: learning rate after `warm_up` steps. It falls to a fiftieth by a cosine.
        warm_up: steps in which the learning rate rises.
        average: weight of the past in the average of the weights, once there is enough of it.
        locate_weight: of the two heads' losses; 0 trains the control without them.
    """

    steps: int = 8_000
    batch: int = 8
    lr: float = 1e-3
    warm_up: int = 200
    average: float = 0.999
    locate_weight: float = 0.5


def learning_rate(step: int, plan: Plan) -> float:
    """Of the step with this number, from 0 on."""
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / plan.steps)))
    return plan.lr * min(1.0, (step + 1) / plan.warm_up) * (0.02 + 0.98 * fall)


class Trainer:
    """Owns the model, its average, the optimiser and the step count; `state.pt` in `work` has all.

    Args:
        stats: of states and actions.
        vlm_folder: as `write_vlm_folder` made it.
        work: folder of `state.pt`; a training that stopped there goes on.
        plan: how to train.
        device: of torch.
        save_every: steps.

    Raises SimError when the state in `work` is of another plan.
    """

    def __init__(
        self,
        stats: Stats,
        vlm_folder: Path,
        work: Path,
        plan: Plan,
        device: str = "cpu",
        save_every: int = 50,
    ) -> None:
        torch.manual_seed(0)
        self.step = 0
        self.stats = stats
        self.vlm_folder = vlm_folder
        self.plan = plan
        self._device = torch.device(device)
        self._bfloat16 = bfloat16_is_fast(self._device)
        self._save_every = save_every
        self._state_file = work / "state.pt"
        self.tokenizer = AutoTokenizer.from_pretrained(vlm_folder)
        self.model = Trainee(vlm_folder).to(self._device)
        self.averaged = copy.deepcopy(self.model.policy).eval().requires_grad_(False)
        trained = [value for value in self.model.parameters() if value.requires_grad]
        self._optimiser = torch.optim.AdamW(trained, lr=0.0, betas=(0.9, 0.95), weight_decay=1e-4)
        work.mkdir(parents=True, exist_ok=True)
        if self._state_file.exists():
            self._resume()

    def run(self, after_step: Callable[[int], None] | None = None) -> None:
        """Train to the last step, saving on the way; `after_step` gets the number of steps done."""
        self.model.train()
        started, first, smooth = time.monotonic(), self.step, None
        with ThreadPoolExecutor(1) as thread:
            # The renderer belongs to the thread that made it.
            draws = thread.submit(Draws).result()
            try:
                upcoming = thread.submit(self._draw, draws, self.step)
                while self.step < self.plan.steps:
                    batch = upcoming.result()
                    upcoming = thread.submit(self._draw, draws, self.step + 1)
                    losses = np.array(self._update(batch))
                    smooth = losses if smooth is None else 0.95 * smooth + 0.05 * losses
                    self.step += 1
                    if self.step % LOG_EVERY == 0:
                        _LOG.info(
                            "step %d of %d: actions %.4f, named %.3f, each %.3f, %.2f s a step",
                            self.step, self.plan.steps, *smooth,
                            (time.monotonic() - started) / (self.step - first),
                        )  # fmt: skip
                    if self.step % self._save_every == 0 or self.step == self.plan.steps:
                        self.save()
                    if after_step is not None:
                        after_step(self.step)
                        self.model.train()
                upcoming.result()
            finally:
                thread.submit(draws.close).result()

    def save(self) -> None:
        """Write `state.pt`, whole or not at all."""
        partial = self._state_file.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self._optimiser.state_dict(),
                "step": self.step,
                "plan": asdict(self.plan),
            },
            partial,
        )
        partial.replace(self._state_file)

    def tensors(self, batch: Batch, texts: list[str]) -> tuple[Tensor, ...]:
        """What Trainee.forward takes before noise and time: state and plans are normalised."""
        state = (batch.state - self.stats.state_mean) / self.stats.state_std
        plans = (batch.plans - self.stats.action_mean) / self.stats.action_std
        tokens, words = encode(self.tokenizer, texts)
        arrays = (batch.images, state, plans, batch.objects)
        tensors = (*(torch.from_numpy(array) for array in arrays), tokens, words)
        return tuple(tensor.to(self._device) for tensor in tensors)

    def _resume(self) -> None:
        state = torch.load(self._state_file, map_location=self._device, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise SimError(
                f"{self._state_file} is of another training, with other steps, batches or "
                "--locate-weight: name another --work"
            )
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        _LOG.info("resuming at step %d", self.step)

    def _draw(self, draws: Draws, step: int) -> tuple[Batch, list[str]]:
        rng = np.random.default_rng([5, step])
        batch = draws.batch(self.plan.batch, 6, step)
        return batch, [draw_text(name, rng) for _ in range(self.plan.batch) for name in OBJECTS]

    def _update(self, drawn: tuple[Batch, list[str]]) -> tuple[float, float, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.plan)
        inputs = self.tensors(*drawn)
        generator = torch.Generator().manual_seed(self.step)
        asked = len(inputs[4])
        noise = torch.randn((asked, NOISE_DRAWS, CHUNK, len(JOINT_NAMES)), generator=generator).to(
            self._device
        )
        moments = draw_times((asked, NOISE_DRAWS), generator).to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            losses: Losses = self.model(*inputs, noise, moments)
        self._optimiser.zero_grad()
        total: Any = losses.actions + self.plan.locate_weight * (losses.named + losses.each)
        total.backward()
        torch.nn.utils.clip_grad_norm_(
            [value for value in self.model.parameters() if value.requires_grad], 1.0
        )
        self._optimiser.step()
        self._average()
        return tuple(float(loss.detach()) for loss in losses)  # type: ignore[return-value]

    @torch.no_grad()
    def _average(self) -> None:
        past = min(self.plan.average, (self.step + 1) / (self.step + 10))
        for mean, now in zip(
            self.averaged.parameters(), self.model.policy.parameters(), strict=True
        ):
            mean.lerp_(now, 1.0 - past)


def draw_times(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Moments between plan (0) and noise (1), drawn as LeRobot's SmolVLA draws them: Beta(1.5, 1).

    The distribution function is t^1.5 there, and so a uniform u gives t = u^(2/3).
    """
    uniform: Any = torch.rand(shape, generator=generator)
    drawn: Tensor = uniform.pow(2.0 / 3.0) * 0.999 + 0.001
    return drawn
