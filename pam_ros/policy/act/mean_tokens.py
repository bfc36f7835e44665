# SPDX-License-Identifier: Apache-2.0
"""Each token's mean over observations: what a token's contribution is compared with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

FITTED, RUNNING, REFERENCE = "fitted", "running", "mean"
"""Baselines: means given, those of the observations so far, the picture of the training mean."""
ENOUGH = 10
"""From so many observations on their mean is one."""


class MeanTokens:
    """Means that are given and fixed, or those of what was added. Of any thread.

    Args:
        fitted: (1, cells, D); None to learn them.
    """

    def __init__(self, fitted: Tensor | None = None) -> None:
        self._fitted = fitted
        self._lock = threading.Lock()
        self._mean: Tensor | None = fitted
        self._count = 0

    def add(self, tokens: Tensor) -> None:
        """Take the tokens (1, cells, D) of an observation into the mean."""
        with self._lock:
            self._count += 1
            if self._mean is None:
                self._mean = tokens.detach().clone()
            else:
                self._mean = torch.lerp(self._mean, tokens.detach(), 1.0 / self._count)

    @property
    def value(self) -> Tensor:
        """(1, cells, D) of what was added, which is one observation at least."""
        with self._lock:
            assert self._mean is not None
            return self._mean

    @property
    def kind(self) -> str:
        """FITTED or RUNNING."""
        return RUNNING if self._fitted is None else FITTED

    def baseline(self, tokens: Tensor, reference: Tensor) -> tuple[Tensor, str]:
        """What to compare these tokens with, and its name.

        They are added first. Until there are enough it is the reference.
        """
        if self._fitted is not None:
            return self._fitted.to(tokens), FITTED
        self.add(tokens)
        return (self.value, RUNNING) if self._count >= ENOUGH else (reference, REFERENCE)
