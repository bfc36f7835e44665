# SPDX-License-Identifier: Apache-2.0
"""How an SAE is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pam_ros.sae.arch.names import ARCHITECTURES, name_of
from pam_ros.sae.errors import SaeError


@dataclass(frozen=True)
class TrainingSettings:
    """One training.

    architecture: a name in arch.names. d_sae: F, features. k: active features per token, of topk
    and batchtopk. l1_coefficient: of standard. l0_coefficient: of jumprelu. tokens: to train on,
    counting each as often as it is read. batch: tokens per step, over all processes.
    learning_rate: of Adam, after `warm_up` of the steps, until the last `decay` of them, over which
    it falls to 0; the sparsity's coefficient rises over the first `sparsity_warm_up` of them.
    clip: largest norm of the gradient. aux_coefficient, aux_k: of the auxiliary loss; aux_k 0 is
    half the tokens' width. dead_after: tokens after which a silent feature counts as dead.
    bias: where b_dec begins: "median" (geometric) or "mean". directions: of the first features,
    "tokens" or "random". pool_bytes: memory for shuffling.
    """

    architecture: str = "topk"
    d_sae: int = 1024
    k: int = 16
    l1_coefficient: float = 1.0
    l0_coefficient: float = 1.0
    tokens: int = 10_000_000
    batch: int = 4096
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    decay: float = 0.2
    sparsity_warm_up: float = 0.1
    clip: float = 1.0
    aux_coefficient: float = 1 / 32
    aux_k: int = 0
    dead_after: int = 500_000
    bias: str = "median"
    directions: str = "tokens"
    bfloat16: bool = False
    seed: int = 0
    pool_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        object.__setattr__(self, "architecture", name_of(self.architecture))
        for name, choices in (
            ("architecture", tuple(ARCHITECTURES)),
            ("bias", ("median", "mean")),
            ("directions", ("tokens", "random")),
        ):
            if getattr(self, name) not in choices:
                raise SaeError(
                    f"{name} {getattr(self, name)!r} must be one of {', '.join(choices)}"
                )
        for name in ("d_sae", "k", "tokens", "batch", "dead_after", "pool_bytes"):
            if getattr(self, name) < 1:
                raise SaeError(f"{name} {getattr(self, name)} must be at least 1")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
                raise SaeError(f"{field.name} {value} must be a number from 0 up")
        if ARCHITECTURES[self.architecture].has_k and self.k > self.d_sae:
            raise SaeError(f"k {self.k} must be at most the number of features, {self.d_sae}")
        if self.warm_up + self.decay > 1:
            raise SaeError(
                f"warm_up {self.warm_up} and decay {self.decay} must add up to at most 1"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps; a last batch that is not full is left out."""
        return self.tokens // self.batch

    def learning_rate_at(self, step: int) -> float:
        """At a step counted from 0: a ramp up, a plateau, a ramp down to 0."""
        rise = (step + 1) / max(1.0, self.warm_up * self.steps)
        fall = (self.steps - step) / max(1.0, self.decay * self.steps)
        return self.learning_rate * min(1.0, rise, fall)

    def sparsity_at(self, step: int) -> float:
        """What the sparsity's coefficient is multiplied with, from 0 to 1."""
        return min(1.0, (step + 1) / max(1.0, self.sparsity_warm_up * self.steps))
