# SPDX-License-Identifier: Apache-2.0
"""How good an SAE is on held-out tokens.

Explained variance is 1 - sum of squared errors / sum of squared distances to a mean, over all rows
and dimensions. The mean is the held-out tokens' own, per dimension, or per dimension and position
in the token sequence: where cameras stand still, most of what varies between tokens is only where
they are, and the second mean takes that away. PCA stands beside it: the training tokens' principal
components, as many as the SAE has active features per token, rounded up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.sae.errors import SaeError
from pam_ros.sae.evaluate.held_out import overlap
from pam_ros.sae.store.shuffle import check_same_kind
from pam_ros.sae.store.stats import parts, stores_stats
from pam_ros.sae.store.tokens import check_same_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.stats import TokenStats
    from pam_ros.sae.store.token_store import TokenStore

DEAD_TOKENS = 500_000
"""Tokens in which a feature has to fire at least once not to count as dead."""


@dataclass(frozen=True)
class Fit:
    """Explained variances at an L0; mean_squared_error is per value, in squared token units."""

    l0: float
    explained_variance: float
    explained_variance_about_position: float
    mean_squared_error: float


@dataclass(frozen=True)
class Measures:
    """All of it. dead_share: features that never fired in `tokens` tokens."""

    tokens: int
    frames: int
    sae: Fit
    pca: Fit | None
    dead_share: float


@dataclass(frozen=True, eq=False)
class Principal:
    """The first principal components: mean (D,); components (rank, D), orthonormal rows."""

    mean: NDArray[np.float64]
    components: NDArray[np.float64]


def principal(stats: TokenStats, rank: int) -> Principal:
    """Of the tokens of some statistics; at most as many components as dimensions."""
    _, vectors = np.linalg.eigh(stats.covariance)
    return Principal(stats.mean, np.ascontiguousarray(vectors[:, ::-1].T[:rank]))


def measure(
    sae: SAE, stores: Sequence[TokenStore], progress: Callable[[int], object] | None = None
) -> Measures:
    """Measure an SAE on stores of held-out tokens.

    Args:
        sae: its stats, where it has them, give PCA.
        stores: of one kind, of tokens that it was not trained on.
        progress: called with the rows done.

    Raises:
        SaeError: a store is of another policy, layer or kind of rows, or holds episodes that the
            SAE was trained on.
    """
    check_same_kind(stores)
    for store in stores:
        _check_held_out(sae, store)
    stats = stores_stats(stores)
    squared = active = 0.0
    fired = torch.zeros(sae.cfg.d_sae, dtype=torch.bool)
    done = 0
    for shard in (store.read(i) for store in stores for i in range(len(store.shards))):
        for part in parts(shard, 1 << 13):
            x = torch.from_numpy(shard.tokens[part].astype(np.float32))
            activations = sae.encode(x)
            on = activations > 0
            fired |= on.any(dim=0)
            active += float(on.sum())
            squared += float((x - sae.decode(activations)).double().square().sum())
            done += len(x)
            if progress is not None:
                progress(done)
    l0 = active / stats.rows
    pca = None
    if sae.stats is not None:
        pca = _pca_fit(sae.stats, stats, math.ceil(l0 - 1e-9))
    return Measures(
        tokens=stats.rows,
        frames=sum(store.frames for store in stores),
        sae=_fit(l0, squared / stats.rows, stats),
        pca=pca,
        dead_share=1 - float(fired.float().mean()),
    )


def _fit(l0: float, squared: float, stats: TokenStats) -> Fit:
    """squared: mean over rows of the squared length of the error."""
    around_mean = float(np.trace(stats.covariance))
    apart = stats.position_mean - stats.mean
    between = float(stats.position_rows @ np.square(apart).sum(axis=1)) / stats.rows
    return Fit(
        l0,
        1 - squared / around_mean,
        1 - squared / max(around_mean - between, 1e-30),
        squared / len(stats.mean),
    )


def _pca_fit(training: TokenStats, held_out: TokenStats, rank: int) -> Fit:
    """In closed form: from the held-out mean and covariance, without another pass."""
    basis = principal(training, rank)
    offset = held_out.mean - basis.mean
    moment = held_out.covariance + np.outer(offset, offset)
    kept = np.einsum("rd,de,re->", basis.components, moment, basis.components)
    return _fit(float(len(basis.components)), float(np.trace(moment) - kept), held_out)


def _check_held_out(sae: SAE, store: TokenStore) -> None:
    info = store.info
    if info.width != sae.cfg.d_in:
        raise SaeError(f"{store.folder} has tokens of {info.width} values, not {sae.cfg.d_in}")
    found = sae.cfg.provenance
    if found is None:
        return
    if (found.policy_sha256, found.layer) != (info.policy_sha256, info.layer):
        raise SaeError(
            f"{store.folder} is of layer {info.layer} of policy {info.policy_sha256}, the SAE of "
            f"layer {found.layer} of policy {found.policy_sha256}"
        )
    try:
        check_same_rows(found.sampler, info.sampler)
    except SaeError as error:
        raise SaeError(f"{store.folder}: {error}") from None
    for dataset in found.dataset.split("; "):
        if overlap(dataset, info.dataset):
            raise SaeError(
                f"{store.folder} ({info.dataset}) holds what the SAE was trained on ({dataset}): "
                "give held-out tokens"
            )
