# SPDX-License-Identifier: Apache-2.0
"""JumpReLU (Rajamanoharan et al. 2024, https://arxiv.org/abs/2407.14435).

A feature fires where its pre-activation is above a threshold of its own. Loss: squared error +
l0_coefficient * number of active features. The step has no gradient; training uses the paper's
pseudo-derivatives, a rectangle of width `bandwidth` about the threshold, for the threshold alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pam_ros.sae.arch.model import SAE
from pam_ros.sae.train.training_model import TrainingPass, TrainingSAE

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_THRESHOLD = 0.01
BANDWIDTH = 0.05
"""Both in units in which a token's values have mean square 1."""


class JumpReluSAE(SAE):
    """f = pre where pre > threshold (F,) and positive, else 0."""

    architecture = "jumprelu"
    threshold: Tensor

    @staticmethod
    def weight_names() -> tuple[str, ...]:
        """See SAE."""
        return (*SAE.weight_names(), "threshold")

    def activate(self, pre: Tensor) -> Tensor:
        """(N, F) -> (N, F)."""
        return functional.relu(pre) * (pre > self.threshold)

    def floor(self) -> Tensor:
        """See SAE."""
        return self.threshold.clamp_min(0.0)


class JumpReluTraining(TrainingSAE):
    """Adds threshold (F,), a parameter kept at 0 or above."""

    threshold: nn.Parameter

    def more_state(self) -> None:
        """See TrainingSAE."""
        self.threshold = nn.Parameter(torch.full((self.settings.d_sae,), FIRST_THRESHOLD))

    def code(self, x: Tensor) -> TrainingPass:
        """See TrainingSAE."""
        pre = functional.relu(self.pre_activations(x).float())
        activations, active = _Jump.apply(pre, self.threshold)  # type: ignore[no-untyped-call]
        penalty = active.sum(dim=1).mean() * (self.settings.l0_coefficient * self.sparsity)
        return TrainingPass.dense(activations, self.decode(activations), penalty)

    def after_step(self) -> None:
        """See TrainingSAE."""
        super().after_step()
        with torch.no_grad():
            self.threshold.clamp_(min=0.0)

    def _finished(self, weights: Mapping[str, Tensor]) -> SAE:
        threshold = self.threshold.detach() / self.scale
        return JumpReluSAE(self.config(JumpReluSAE), {**weights, "threshold": threshold})


class _Jump(torch.autograd.Function):
    """(pre, threshold) -> (pre where above threshold, 1 where above threshold)."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
        active = (pre > threshold).to(pre.dtype)
        ctx.save_for_backward(pre, threshold, active)
        return pre * active, active

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        d_activation, d_active = gradients
        pre, threshold, active = ctx.saved_tensors
        near = ((pre - threshold).abs() < BANDWIDTH / 2).to(pre.dtype)
        # Equations 11 and 12 of the paper.
        d_threshold = -(near * (threshold * d_activation + d_active)).sum(dim=0) / BANDWIDTH
        return d_activation * active, d_threshold
