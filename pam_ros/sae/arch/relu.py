# SPDX-License-Identifier: Apache-2.0
"""ReLU with an L1 penalty (Bricken et al. 2023), SAELens's "standard"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from pam_ros.sae.arch.model import SAE
from pam_ros.sae.train.training_model import TrainingPass, TrainingSAE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class ReluSAE(SAE):
    """f = max(pre, 0)."""

    architecture = "standard"

    def activate(self, pre: Tensor) -> Tensor:
        """(N, F) -> (N, F)."""
        return functional.relu(pre)

    def floor(self) -> Tensor:
        """See SAE."""
        return torch.zeros_like(self.b_enc)


class ReluTraining(TrainingSAE):
    """Squared error + l1_coefficient * |f|_1; rows of norm 1 keep L1 from being cheated."""

    def code(self, x: Tensor) -> TrainingPass:
        """See TrainingSAE."""
        activations = functional.relu(self.pre_activations(x))
        penalty = activations.sum(dim=1).mean() * (self.settings.l1_coefficient * self.sparsity)
        return TrainingPass.dense(activations, self.decode(activations), penalty)

    def _finished(self, weights: Mapping[str, Tensor]) -> SAE:
        return ReluSAE(self.config(ReluSAE), weights)
