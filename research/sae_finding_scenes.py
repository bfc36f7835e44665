# SPDX-License-Identifier: Apache-2.0
"""Where the objects of a store's scenes stand, and what the features do in them.

A store's episodes are seeds of scenes of the demo arm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sim.scene import CAMERA_NAMES, CUBE_HALF_SIZE, Scene, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import TokenStore

OBJECTS = ("red cube", "blue cube", "green cylinder")


class Ticks:
    """The ticks of a store: tokens (n, T, D) float32, episodes (n,) and frames (n,).

    shards: how many, spread over the store; None for all. at_once: ticks in memory.
    """

    def __init__(self, store: TokenStore, shards: int | None = None, at_once: int = 25) -> None:
        self._store, self._shards, self._at_once = store, shards, at_once

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """In the store's order."""
        every = len(self._store.shards)
        count = every if self._shards is None else min(self._shards, every)
        size = self._store.info.tokens
        for index in np.unique(np.linspace(0, every - 1, count).round().astype(int)):
            shard = self._store.read(int(index))
            tokens = shard.tokens.reshape(-1, size, shard.tokens.shape[1])
            episode, frame = (a.reshape(-1, size)[:, 0] for a in (shard.episode, shard.frame))
            for start in range(0, len(tokens), self._at_once):
                part = slice(start, start + self._at_once)
                yield tokens[part].astype(np.float32), episode[part], frame[part]


def first_ticks(store: TokenStore) -> tuple[NDArray[Any], NDArray[Any]]:
    """Tokens (n, T, D) float32 of each episode's first tick, before the arm moves; the episodes."""
    tokens, episodes = [], []
    for some, episode, frame in Ticks(store):
        tokens.append(some[frame == 0])
        episodes.append(episode[frame == 0])
    return np.concatenate(tokens), np.concatenate(episodes)


def mean_activations(sae: SAE, tokens: NDArray[Any]) -> NDArray[Any]:
    """Each feature's mean over a tick's tokens: (n, T, D) -> (n, F)."""
    return np.array([sae.encode(torch.from_numpy(tick)).mean(dim=0).numpy() for tick in tokens])


def azimuths(episodes: NDArray[Any]) -> NDArray[Any]:
    """Of the three objects, seen from the arm's base, (n, 3) degrees; to the left is positive."""
    positions = np.array([place(int(seed)).positions for seed in episodes])
    return np.degrees(np.arctan2(positions[..., 1], positions[..., 0]))


def start_pans(episodes: NDArray[Any]) -> NDArray[Any]:
    """The first joint's start position, (n,) degrees."""
    return np.degrees([place(int(seed)).start[0] for seed in episodes])


def correlations(values: NDArray[Any], signal: NDArray[Any]) -> NDArray[Any]:
    """Pearson's, of each column of (n, F) with (n,); 0 where one of them does not vary."""
    centred, other = values - values.mean(axis=0), signal - signal.mean()
    scale = np.sqrt(np.square(centred).sum(axis=0) * np.square(other).sum())
    result: NDArray[Any] = (other @ centred) / np.where(scale > 0, scale, np.inf)
    return result


def interval_of_mean(values: NDArray[Any], rounds: int = 2000) -> list[float]:
    """The mean of (n,) and the ends of its 95% interval, by resampling."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (rounds, len(values)))].mean(axis=1)
    return [float(values.mean()), *np.percentile(means, [2.5, 97.5]).tolist()]


def marks(sae: SAE, store: TokenStore, grid: CameraTokens, shards: int) -> dict[str, Any]:
    """Features whose strongest cell in a camera is where the red cube is.

    Of those that fire there in at least a tenth of the ticks, the ones whose peak lies within a
    cell of the cube's middle in half the ticks more than it lies there for the cube of the next
    scene. A mark and the place of the other cube can fall together by chance.
    """
    values, cells, episodes = [], [], []
    for tokens, episode, _ in Ticks(store, shards):
        camera = tokens[:, grid.start : grid.stop]
        code = sae.encode(torch.from_numpy(camera.reshape(-1, camera.shape[-1]).copy()))
        value, cell = code.reshape(len(camera), grid.stop - grid.start, -1).max(dim=1)
        values.append(value.numpy())
        cells.append(cell.numpy())
        episodes.append(episode)
    on, seeds = np.concatenate(values) > 0, np.concatenate(episodes)
    scenes = np.unique(seeds)
    cubes = dict(zip(scenes.tolist(), _red_pixels(scenes), strict=True))
    following = dict(zip(scenes.tolist(), np.roll(scenes, -1).tolist(), strict=True))
    where = _cell_pixels(grid)[np.concatenate(cells)]
    step = np.array([grid.dx, grid.dy])

    def rates(pixels: NDArray[Any]) -> NDArray[Any]:
        hits = (np.abs(where - pixels[:, None]) <= step).all(axis=2) & on
        found: NDArray[Any] = hits.sum(axis=0) / np.maximum(on.sum(axis=0), 1)
        return found

    here = rates(np.array([cubes[int(s)] for s in seeds]))
    elsewhere = rates(np.array([cubes[following[int(s)]] for s in seeds]))
    chosen = np.flatnonzero((on.mean(axis=0) >= 0.1) & (here - elsewhere >= 0.5))
    return {
        "ticks": len(on),
        "features": [
            {
                "feature": int(f),
                "on": float(on[:, f].mean()),
                "at the cube": float(here[f]),
                "at another scene's": float(elsewhere[f]),
            }
            for f in chosen[np.argsort(-(here - elsewhere)[chosen])]
        ],
    }


def _red_pixels(seeds: NDArray[Any]) -> NDArray[Any]:
    """Where the top camera sees the red cube's middle, (n, 2) column and row."""
    found = []
    with Scene() as scene:
        for seed in seeds:
            scene.reset(int(seed))
            point = np.array([[*place(int(seed)).positions[0], CUBE_HALF_SIZE]])
            found.append(scene.project(CAMERA_NAMES[0], point)[0, :2])
    return np.array(found)


def _cell_pixels(grid: CameraTokens) -> NDArray[Any]:
    """The pixels at which a camera's cells look, (cells, 2) column and row."""
    rows, cols = np.divmod(np.arange(grid.rows * grid.cols), grid.cols)
    return np.column_stack([grid.x0 + cols * grid.dx, grid.y0 + rows * grid.dy])
