# SPDX-License-Identifier: Apache-2.0
"""Which features are active on which token, without a dense code in between.

Nearly all the time goes into the encoder's product. Its weights are packed once, for oneDNN, whose
float32 kernels are more than twice as fast as addmm's on some CPUs; on those that were looked at, a
token's values depend neither on the tokens beside it nor on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.onednn import OneDnnKernels, usable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.sae.arch.model import SAE


_GROUPS_PER_K = 32
"""Groups for each feature kept: fewer leave more to sort, more take longer to search."""


class Active(NamedTuple):
    """The active features of R tokens: by token, then by feature.

    row, feature: (E,) int64. value: (E,) float32, > 0. offset: (R + 1,) int64, where each token's
    entries begin.
    """

    row: NDArray[np.int64]
    feature: NDArray[np.int64]
    value: NDArray[np.float32]
    offset: NDArray[np.int64]


class ActiveFeatures:
    """Finds what `sae.encode` would, to the rounding of float32.

    Takes the SAE's weights as they are now. Holds its memory: not for two threads at once.
    """

    def __init__(self, sae: SAE) -> None:
        kernels = OneDnnKernels() if usable(torch.float32) else PlainKernels()
        self._product = kernels.affine(sae.W_enc.T, sae.b_enc)
        self._sae = sae
        floor = sae.floor()
        self._floor = None if floor is None else floor.numpy().copy()
        self._k = sae.cfg.k
        self._above = np.empty((0, 0), np.bool_)

    def find(self, x: Tensor) -> Active:
        """The active features of x (R, D) float32."""
        if self._sae.cfg.apply_b_dec_to_input:
            x = x - self._sae.b_dec
        pre: Tensor = self._product(x)
        floor = self._floor if self._k is None else _below_largest(pre, self._k)
        if floor is None:
            dense = self._sae.activate(pre).numpy()
            return _entries(dense, np.flatnonzero(dense))
        # NumPy's comparison and search take a seventh of PyTorch's time, and start no thread.
        values = pre.numpy()
        if self._above.shape != values.shape:
            self._above = np.empty(values.shape, np.bool_)
        np.greater(values, floor, out=self._above)
        found = _entries(values, np.flatnonzero(self._above))
        return found if self._k is None else _largest(found, self._k)


def _below_largest(pre: Tensor, k: int) -> NDArray[np.float32] | None:
    """(R, 1), >= 0: at least the k largest of each row of (R, F) are above, where positive.

    None where a value is no number. The features are dealt into groups: as many as have a maximum
    of at least t are features of at least t. So the k-th largest maximum is no more than the k-th
    largest feature, and with many groups hardly less.
    """
    features = pre.shape[1]
    size = max(1, features // (_GROUPS_PER_K * k))
    whole = features - features % size
    maxima = pre[:, :whole].view(-1, size, whole // size).amax(dim=1).numpy()
    if whole < features:
        rest = pre[:, whole:].amax(dim=1, keepdim=True).numpy()
        maxima = np.concatenate([maxima, rest], axis=1)
    if np.isnan(maxima).any():
        return None
    at = maxima.shape[1] - k
    reached = np.partition(maxima, at, axis=1)[:, at : at + 1]
    below: NDArray[np.float32] = np.nextafter(reached, np.float32(-np.inf))
    return np.maximum(below, np.float32(0))


def _largest(found: Active, k: int) -> Active:
    """The k largest of each token; of equal ones the first."""
    counts = np.diff(found.offset)
    if (counts <= k).all():
        return found
    # Few tokens have more, and by few: the others' entries are not sorted.
    many = np.flatnonzero(np.repeat(counts > k, counts))
    order = many[np.lexsort((found.feature[many], -found.value[many], found.row[many]))]
    begin = np.zeros(len(counts), np.int64)
    begin[1:] = np.cumsum(np.where(counts > k, counts, 0))[:-1]
    place = np.arange(len(order)) - begin[found.row[order]]
    kept = np.ones(len(found.row), np.bool_)
    kept[order[place >= k]] = False
    offset = np.concatenate([[0], np.cumsum(np.minimum(counts, k))])
    return Active(found.row[kept], found.feature[kept], found.value[kept], offset)


def _entries(values: NDArray[np.float32], flat: NDArray[np.int64]) -> Active:
    rows, features = values.shape
    row = flat // features
    offset = np.searchsorted(flat, np.arange(rows + 1) * features)
    return Active(row, flat - row * features, values.ravel()[flat], offset)
