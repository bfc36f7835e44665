# SPDX-License-Identifier: Apache-2.0
"""A sparse autoencoder in training: what every architecture shares.

It sees tokens times `scale`, so that their values have mean square 1 and one learning rate fits all
layers; the finished SAE takes tokens as they are. The decoder's rows have norm 1: their gradient's
part along the row is taken out before each step, and what the step added of it afterwards.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pam_ros.sae.arch.model import SAE, SaeConfig
from pam_ros.sae.train.parallel import mean_over_ranks
from pam_ros.sae.train.sparse_pass import SparseCode, sparse_decode_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.sae.train.settings import TrainingSettings


@dataclass(frozen=True, eq=False)
class TrainingPass:
    """What one pass over a batch gives.

    reconstruction: (N, D). penalty: of sparsity, already weighted; 0 where there is none. fired:
    (F,) bool. active: mean number of active features per token.
    """

    reconstruction: Tensor
    penalty: Tensor
    fired: Tensor
    active: Tensor
    entries: SparseCode | None = None

    @classmethod
    def dense(cls, activations: Tensor, reconstruction: Tensor, penalty: Tensor) -> TrainingPass:
        """Of activations (N, F)."""
        with torch.no_grad():
            on = activations > 0
            return cls(reconstruction, penalty, on.any(dim=0), on.sum() / len(on))

    @classmethod
    def sparse(cls, code: SparseCode, reconstruction: Tensor) -> TrainingPass:
        """Of entries; there is no penalty."""
        return cls(
            reconstruction,
            reconstruction.new_zeros(()),
            code.values.new_zeros(0, dtype=torch.bool),
            (code.values > 0).sum() / max(len(code.offsets) - 1, 1),
            code,
        )

    def mark_fired(self, since: Tensor) -> Tensor:
        """Which of the features in `since` (F,) fired: (F,) bool."""
        if self.entries is None:
            return self.fired
        fired = torch.zeros_like(since, dtype=torch.bool)
        fired[self.entries.features[self.entries.values > 0]] = True
        return fired


class TrainingSAE(nn.Module):
    """The base class.

    encoder: (F, D), W_enc's transpose. b_enc: (F,). W_dec: (F, D), rows of norm 1. b_dec: (D,).
    scale: (1,). idle: (F,) int64, tokens since each feature last fired.

    Args:
        settings: of the training.
        centre: (D,) the tokens' middle, where b_dec begins; in the tokens' own units.
        scale: what the tokens are multiplied with.
        samples: (F, D) tokens for the first directions; None for random ones.
    """

    scale: Tensor
    idle: Tensor

    def __init__(
        self,
        settings: TrainingSettings,
        centre: Tensor,
        scale: float,
        samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.low = settings.bfloat16
        self.sparsity = 1.0
        self.ranks = 1
        width = len(centre)
        rng = torch.Generator().manual_seed(settings.seed)
        directions = torch.randn(settings.d_sae, width, generator=rng)
        if samples is not None:
            # A little noise parts those of equal tokens.
            directions = directions * (0.01 * scale) + (samples - centre) * scale
        directions = functional.normalize(directions, dim=1)
        self.W_dec = nn.Parameter(directions.clone())
        self.encoder = nn.Parameter(directions.clone())
        self.b_enc = nn.Parameter(torch.zeros(settings.d_sae))
        self.b_dec = nn.Parameter(centre.float() * scale)
        self.register_buffer("scale", torch.tensor([scale], dtype=torch.float32))
        self.register_buffer("idle", torch.zeros(settings.d_sae, dtype=torch.int64))
        self.more_state()

    def more_state(self) -> None:
        """Parameters and buffers that one architecture adds."""

    def code(self, x: Tensor) -> TrainingPass:
        """One pass over scaled tokens (N, D)."""
        raise NotImplementedError

    def _finished(self, weights: Mapping[str, Tensor]) -> SAE:
        raise NotImplementedError

    def pre_activations(self, x: Tensor) -> Tensor:
        """(N, D) scaled tokens -> (N, F)."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.low):
            return functional.linear(x - self.b_dec, self.encoder, self.b_enc)

    def decode(self, activations: Tensor) -> Tensor:
        """(N, F) -> (N, D) scaled."""
        with torch.autocast(activations.device.type, torch.bfloat16, enabled=self.low):
            return (activations @ self.W_dec).float() + self.b_dec

    def loss(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of tokens (N, D) float32 in their own units, and what to log.

        Mean squared error per value + the sparsity's penalty / D + the auxiliary loss. `idle` is
        brought up to date.
        """
        x = tokens * self.scale
        code = self.code(x)
        error = x - code.reconstruction
        squared = error.square().mean()
        dead = self.idle > self.settings.dead_after
        auxiliary = self._auxiliary_loss(x, error.detach(), dead)
        loss = squared + code.penalty / x.shape[1] + self.settings.aux_coefficient * auxiliary
        with torch.no_grad():
            fired = code.mark_fired(self.idle)
            self.idle += len(x) * self.ranks
            self.idle[fired] = 0
        return loss, {
            "loss": loss.detach(),
            "squared_error": squared.detach(),
            "l0": code.active,
            "dead_share": dead.float().mean(),
            "auxiliary": auxiliary.detach(),
        }

    def _auxiliary_loss(self, x: Tensor, error: Tensor, dead: Tensor) -> Tensor:
        """AuxK (Gao et al. 2024): the strongest dead features model what the live ones miss.

        The mean squared error of that, per value, relative to the error's own mean square.
        """
        if self.settings.aux_coefficient == 0:
            return x.new_zeros(())
        (index,) = torch.where(dead)
        if not len(index):
            return x.new_zeros(())
        k = min(self.settings.aux_k or x.shape[1] // 2, len(index))
        centred = x - self.b_dec.detach()
        model = sparse_decode_rows(
            centred, self.encoder[index], self.b_enc[index], self.W_dec[index], k, low=self.low
        )
        return (model - error).square().mean() / error.square().mean().clamp_min(1e-12)

    @torch.no_grad()
    def before_step(self) -> None:
        """Take the part along each decoder row out of its gradient."""
        gradient = self.W_dec.grad
        assert gradient is not None
        along = (gradient * self.W_dec).sum(dim=1, keepdim=True)
        gradient -= along * self.W_dec

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring the decoder's rows back to norm 1."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True).clamp_min(1e-12))

    def mean_over_ranks(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes of the training."""
        return mean_over_ranks(value)

    def config(self, finished: type[SAE], k: int | None = None) -> SaeConfig:
        """That of the finished SAE of this class, its provenance still to be set."""
        training: dict[str, Any] = asdict(self.settings)
        return SaeConfig(
            finished.architecture, self.W_dec.shape[1], self.settings.d_sae, k, training=training
        )

    @torch.no_grad()
    def finished(self) -> SAE:
        """The SAE for tokens in their own units; activations too are in these.

        relu(s pre) = s relu(pre), so scaling goes into the biases alone and the decoder's rows keep
        their norm.
        """
        return self._finished(
            {
                "W_enc": self.encoder.detach().T.contiguous().clone(),
                "b_enc": self.b_enc.detach() / self.scale,
                "W_dec": self.W_dec.detach().clone(),
                "b_dec": self.b_dec.detach() / self.scale,
            }
        )
