# SPDX-License-Identifier: Apache-2.0
"""BatchTopK (Bussmann et al. 2024, https://arxiv.org/abs/2412.06410).

In training a batch of N tokens keeps its N k largest activations, wherever they are. A token must
not depend on its neighbours afterwards, so what is saved is a JumpReLU whose threshold is the mean,
over the last batches, of the smallest activation kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pam_ros.sae.arch.jumprelu import JumpReluSAE
from pam_ros.sae.train.sparse_pass import SparseCode, sparse_pass
from pam_ros.sae.train.training_model import TrainingPass, TrainingSAE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.sae.arch.model import SAE

THRESHOLD_DECAY = 0.99
"""Of the running mean of the threshold, per step."""

_LOOK_BELOW = 0.7
"""Where to look for the batch's threshold: above this fraction of the running one."""


class BatchTopKTraining(TrainingSAE):
    """No penalty: sparsity is exact on average. threshold: (1,), the running mean; 0 at first."""

    threshold: Tensor

    def more_state(self) -> None:
        """See TrainingSAE."""
        self.register_buffer("threshold", torch.zeros(1))

    def code(self, x: Tensor) -> TrainingPass:
        """See TrainingSAE."""
        last = float(self.threshold)
        reconstruction, code = sparse_pass(
            self, x, lambda pre: largest_of_batch(pre, self.settings.k, last * _LOOK_BELOW)
        )
        if self.training and len(code.values):
            smallest = self.mean_over_ranks(code.values.min().reshape(1))
            if last == 0.0:
                self.threshold.copy_(smallest)
            else:
                self.threshold.lerp_(smallest, 1 - THRESHOLD_DECAY)
        return TrainingPass.sparse(code, reconstruction)

    def _finished(self, weights: Mapping[str, Tensor]) -> SAE:
        threshold = (self.threshold / self.scale).expand(self.settings.d_sae).clone()
        return JumpReluSAE(self.config(JumpReluSAE), {**weights, "threshold": threshold})


def largest_of_batch(pre: Tensor, k: int, above: float = 0.0) -> SparseCode:
    """The N k largest of (N, F), where positive, by row.

    above: a guess below which none of them is expected; a guess that is too high costs time only.
    """
    wanted = len(pre) * k
    rows, features = torch.where(pre > max(above, 0.0))
    if len(rows) < wanted and above > 0:
        rows, features = torch.where(pre > 0)
    values = pre[rows, features].float()
    if len(values) > wanted:
        # Ties at the threshold are cut by position, so that the count is exact.
        kept = values.topk(wanted, sorted=False).indices.sort().values
        rows, features, values = rows[kept], features[kept], values[kept]
    offsets = torch.zeros(len(pre) + 1, dtype=torch.int64, device=pre.device)
    torch.cumsum(torch.bincount(rows, minlength=len(pre)), 0, out=offsets[1:])
    return SparseCode(offsets, features, values)
