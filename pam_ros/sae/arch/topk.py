# SPDX-License-Identifier: Apache-2.0
"""TopK (Gao et al. 2024, https://arxiv.org/abs/2406.04093): each token keeps its k largest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pam_ros.sae.arch.model import SAE
from pam_ros.sae.train.sparse_pass import largest, sparse_pass
from pam_ros.sae.train.training_model import TrainingPass, TrainingSAE

if TYPE_CHECKING:
    from collections.abc import Mapping


class TopKSAE(SAE):
    """f = the k largest of pre, where positive; the rest 0."""

    architecture = "topk"
    keeps_k = True

    def activate(self, pre: Tensor) -> Tensor:
        """(N, F) -> (N, F)."""
        assert self.cfg.k is not None
        values, features = pre.topk(self.cfg.k, dim=1, sorted=False)
        return torch.zeros_like(pre).scatter_(1, features, values.relu_())


class TopKTraining(TrainingSAE):
    """No penalty: sparsity is exact."""

    def code(self, x: Tensor) -> TrainingPass:
        """See TrainingSAE."""
        reconstruction, code = sparse_pass(self, x, lambda pre: largest(pre, self.settings.k))
        return TrainingPass.sparse(code, reconstruction)

    def _finished(self, weights: Mapping[str, Tensor]) -> SAE:
        return TopKSAE(self.config(TopKSAE, k=self.settings.k), weights)
