# SPDX-License-Identifier: Apache-2.0
"""Does a map depend on what was learnt? It should change when the weights are shuffled.

Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018, https://arxiv.org/abs/1810.03292):
the weights are randomised from the output backwards, stage after stage, and each map is compared
with that of the trained weights by rank correlation. Here a weight tensor is randomised by
shuffling its entries, which keeps their distribution (and a BatchNorm's variances positive). Which
tensors come before which is known of lerobot's ACT; those of any other policy are shuffled at once.
"""

from __future__ import annotations

import shutil
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

WEIGHTS = "model.safetensors"
ALL = "all"
STAGES = {
    "action head": ("model.action_head",),
    "decoder": ("model.decoder",),
    "encoder": ("model.encoder.",),
    ALL: ("model.",),
}
"""From the output backwards, by the names of lerobot's ACT; each stage includes those before it."""
NO_WEIGHTS = ("normalize_", "unnormalize_")
"""Statistics of the training data, which older checkpoints keep among the weights."""


def cascade(folder: Path, scratch: Path, seed: int = 0) -> Iterator[tuple[str, Path]]:
    """A copy of the checkpoint per stage, its weights shuffled up to that stage.

    Args:
        folder: holds model.safetensors and the checkpoint's other files.
        scratch: an existing empty folder; the copy in it is rewritten at each stage.
        seed: of the shuffles.

    Raises:
        AttentionError: the folder is no such checkpoint.
    """
    file = folder / WEIGHTS
    if not file.is_file():
        message = f"{folder} has no {WEIGHTS} to shuffle"
        raise AttentionError(message)
    # NumPy has no bfloat16, and torch takes seconds.
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    weights = load_file(file)
    copy = scratch / folder.name
    shutil.copytree(folder, copy)
    for stage, chosen in stages(weights).items():
        shuffled = {**weights, **{name: _shuffled(name, weights[name], seed) for name in chosen}}
        save_file(shuffled, copy / WEIGHTS, metadata={"format": "pt"})
        yield stage, copy


def stages(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of tensors that each stage shuffles; of a policy that is no ACT, all at once."""
    weights = [name for name in names if not name.startswith(NO_WEIGHTS)]
    found: dict[str, list[str]] = {}
    prefixes: tuple[str, ...] = ()
    for stage, further in STAGES.items():
        if not any(name.startswith(further) for name in weights):
            return {ALL: weights}
        prefixes += further
        found[stage] = [name for name in weights if name.startswith(prefixes)]
    return found


def rank_correlation(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> float:
    """Spearman's, equal values sharing their mean rank; 0 where all values of one are equal."""
    ranks = [_ranks(np.asarray(values, dtype=np.float64)) for values in (a, b)]
    x, y = (rank - rank.mean() for rank in ranks)
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])


def _shuffled(name: str, tensor: Tensor, seed: int) -> Tensor:
    if not tensor.is_floating_point():
        return tensor  # a counter or an index
    # Seeded by name: a tensor is shuffled alike at every stage.
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    flat = tensor.reshape(-1)
    return flat[rng.permutation(len(flat))].reshape(tensor.shape).contiguous()


def correlations(
    trained: Sequence[NDArray[np.float64]], shuffled: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Of each pair of maps, (maps,)."""
    pairs = zip(trained, shuffled, strict=True)
    return np.array([rank_correlation(a, b) for a, b in pairs], dtype=np.float64)
