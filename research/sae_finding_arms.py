# SPDX-License-Identifier: Apache-2.0
"""The edits that the finding compares, all of them set on training episodes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sae.edit import ablate, remove_direction, steer
from research.sae_finding_scenes import Ticks, azimuths, first_ticks, marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import TokenStore

    Edit = Callable[[Tensor], Tensor]

RANDOM = 20
NEAREST = 40
"""Random features come from so many whose root mean square activation is nearest."""

STEPS = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class Removal:
    """Takes features out of every token, each times its own weight.

    features: (n,) int64. weights: (n,); 1 is ablation.
    """

    sae: SAE
    features: Tensor
    weights: Tensor

    def __call__(self, tokens: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        rows = tokens.reshape(-1, tokens.shape[-1])
        code = self.sae.encode(rows.half().float())[:, self.features] * self.weights
        return (rows - code @ self.sae.W_dec[self.features]).reshape(tokens.shape)


def controls(
    sae: SAE, store: TokenStore, grid: CameraTokens, chosen: dict[str, Any], shards: int
) -> dict[str, Any]:
    """Random features and groups of them, two linear directions, and the features at the cube.

    A random feature is weighted so that the root mean square of what it takes out is that of the
    feature that it stands for, over training tokens. The probe is a ridge regression from a tick's
    mean token to the red cube's azimuth, on first ticks; the other direction is the difference
    between the mean tokens of scenes with the cube left and right of the middle.
    """
    squares, rows = np.zeros(sae.cfg.d_sae), 0
    for tokens, _, _ in Ticks(store, shards):
        code = sae.encode(torch.from_numpy(tokens.reshape(-1, tokens.shape[-1])))
        squares += code.square().sum(dim=0).numpy()
        rows += len(code)
    norms = np.sqrt(squares / rows)
    rng = np.random.default_rng(0)
    feature, group = chosen["feature"], chosen["group"]
    picked = rng.choice(_nearest(norms, feature, [feature]), RANDOM, replace=False)
    groups = [_random_group(norms, group, rng) for _ in range(RANDOM)]
    first, episodes = first_ticks(store)
    return {
        "norm": float(norms[feature]),
        "random": [[int(f)] for f in picked],
        "random weights": [[float(norms[feature] / norms[f])] for f in picked],
        "random groups": groups,
        "random groups weights": [
            [float(norms[f] / norms[g]) for f, g in zip(group, picks, strict=True)]
            for picks in groups
        ],
        "directions": directions(first.mean(axis=1), azimuths(episodes)[:, 0]),
        "marks": marks(sae, store, grid, shards),
    }


def directions(mean_tokens: NDArray[Any], azimuth: NDArray[Any]) -> dict[str, Any]:
    """The probe and the difference of means, from (n, D) and (n,)."""
    centre = mean_tokens.mean(axis=0)
    centred, y = mean_tokens - centre, azimuth - azimuth.mean()
    ridge = 1e-3 * np.square(centred).sum() / centred.shape[1]
    probe = np.linalg.solve(centred.T @ centred + ridge * np.eye(centred.shape[1]), centred.T @ y)
    left = mean_tokens[azimuth > 0].mean(axis=0) - mean_tokens[azimuth <= 0].mean(axis=0)
    return {
        "centre": centre.tolist(),
        "probe": probe.tolist(),
        "probe's correlation": float(np.corrcoef(centred @ probe, y)[0, 1]),
        "difference": left.tolist(),
    }


def arms(sae: SAE, chosen: dict[str, Any], found: dict[str, Any]) -> dict[str, list[Edit | None]]:
    """The edits by name; 20 of each random kind, one of the others."""
    lines = found["directions"]
    centre = np.array(lines["centre"])
    feature = int(chosen["feature"])
    return {
        "unedited": [None],
        "ablated": [ablate(sae, feature)],
        "probe": [remove_direction(np.array(lines["probe"]), centre)],
        "difference": [remove_direction(np.array(lines["difference"]), centre)],
        "random": _removals(sae, found["random"], found["random weights"]),
        "group": [ablate(sae, chosen["group"])],
        "random groups": _removals(sae, found["random groups"], found["random groups weights"]),
        "marks": [ablate(sae, [f["feature"] for f in found["marks"]["features"]])],
        **{f"steered {amount:+g}": [steer(sae, feature, amount)] for amount in STEPS},
        "random steered +2": [steer(sae, picks[0], 2.0) for picks in found["random"]],
    }


def _removals(
    sae: SAE, features: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]
) -> list[Edit | None]:
    return [
        Removal(sae, torch.tensor(f), torch.tensor(w))
        for f, w in zip(features, weights, strict=True)
    ]


def _nearest(norms: NDArray[Any], feature: int, excluded: Sequence[int]) -> NDArray[Any]:
    gap = np.abs(np.log(np.maximum(norms, 1e-12)) - np.log(norms[feature]))
    gap[list(excluded)] = np.inf
    return np.argsort(gap, kind="stable")[:NEAREST]


def _random_group(norms: NDArray[Any], group: Sequence[int], rng: np.random.Generator) -> list[int]:
    """One feature for each of the group's, none of them in it, all different."""
    picks: list[int] = []
    for feature in group:
        picks.append(int(rng.choice(_nearest(norms, feature, [*group, *picks]))))
    return picks
