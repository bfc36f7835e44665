# SPDX-License-Identifier: Apache-2.0
"""Which action of which chunk is executed: lerobot's two modes, told apart from the model.

The queue executes the first n_action_steps of a chunk and then asks for the next one. The temporal
ensemble (Algorithm 2 of Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost
Hardware", arXiv:2304.13705) averages what all past chunks say about this step, with weights
exp(-coefficient * i), i = 0 for the oldest.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.policy.interface import QueuedAction

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ActionQueue:
    """The rest of the last chunk, un-normalised."""

    def __init__(self, n_action_steps: int) -> None:
        self._n_action_steps = n_action_steps
        self._actions: deque[QueuedAction] = deque()

    def __len__(self) -> int:
        return len(self._actions)

    def fill(self, chunk: NDArray[np.float32], step: int) -> None:
        """Queue the executed part of a chunk that was predicted in `step`."""
        self._actions.extend(QueuedAction(row, step) for row in chunk[: self._n_action_steps])

    def pop(self) -> QueuedAction | None:
        """The next action, or None."""
        return self._actions.popleft() if self._actions else None

    def reset(self) -> None:
        """Forget the rest."""
        self._actions.clear()


class TemporalEnsemble:
    """A running average per future step, in the policy's normalised action units.

    lerobot averages online in float32; here the sums are float64, which differs by less than 1e-6.
    """

    def __init__(self, coefficient: float, chunk_size: int) -> None:
        self._weights = np.exp(-coefficient * np.arange(chunk_size, dtype=np.float64))
        self._weight_sums = np.cumsum(self._weights)
        self._chunk_size = chunk_size
        self.reset()

    def reset(self) -> None:
        """Forget all chunks."""
        self._sums: NDArray[np.float64] | None = None  # weighted sum per future step
        # chunks in each sum
        self._counts: NDArray[np.int64] = np.zeros(self._chunk_size, dtype=np.int64)

    def update(self, chunk: NDArray[np.float32]) -> NDArray[np.float32]:
        """Count in a (chunk_size, action_dim) chunk; the (action_dim,) action of this step."""
        if self._sums is None:
            self._sums = np.zeros(chunk.shape)
        self._sums += self._weights[self._counts, None] * chunk
        average: NDArray[np.float64] = self._sums[0] / self._weight_sums[self._counts[0]]
        # A step can have at most chunk_size chunks; the one shifted in has none yet.
        self._sums = np.concatenate([self._sums[1:], np.zeros((1, chunk.shape[1]))])
        self._counts = np.concatenate([self._counts[1:] + 1, [0]])
        return average.astype(np.float32)
