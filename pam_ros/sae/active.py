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

from pam_ros.policy.kernels import PlainKernels
from pam_ros.policy.onednn import OneDnnKernels, usable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.sae.model import SAE


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
        self._above = np.empty((0, 0), np.bool_)

    def find(self, x: Tensor) -> Active:
        """The active features of x (R, D) float32."""
        if self._sae.cfg.apply_b_dec_to_input:
            x = x - self._sae.b_dec
        pre: Tensor = self._product(x)
        if self._floor is None:
            dense = self._sae.activate(pre).numpy()
            return _entries(dense, np.flatnonzero(dense))
        # NumPy's comparison and search take a seventh of PyTorch's time, and start no thread.
        values = pre.numpy()
        if self._above.shape != values.shape:
            self._above = np.empty(values.shape, np.bool_)
        np.greater(values, self._floor, out=self._above)
        return _entries(values, np.flatnonzero(self._above))


def _entries(values: NDArray[np.float32], flat: NDArray[np.int64]) -> Active:
    rows, features = values.shape
    row = flat // features
    offset = np.searchsorted(flat, np.arange(rows + 1) * features)
    return Active(row, flat - row * features, values.ravel()[flat], offset)
