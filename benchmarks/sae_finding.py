# SPDX-License-Identifier: Apache-2.0
"""One feature of the demo policy: where it fires, and what the arm does without it.

    python benchmarks/sae_finding.py choose --sae SAE --training STORE
    python benchmarks/sae_finding.py test   --sae SAE --held-out STORE
    python benchmarks/sae_finding.py chunk  --sae SAE --training STORE --held-out STORE
    python benchmarks/sae_finding.py reach  --sae SAE --training STORE --arm ablated

Each adds to the file of --json. `choose` takes, on the SAE's training episodes, the feature whose
peak in the top camera lies most often within a cell of the red cube, less how often it lies there
for the cube of another scene. `test` repeats that on held-out episodes. `chunk` compares what its
ablation does to the action chunk with 20 random features, scaled so that the same norm is removed,
and with a linear probe's direction. `reach` drives the arm. A store's episodes are scenes' seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy import load_policy
from pam_ros.sae.disk import load_sae
from pam_ros.sae.edit import ablate, edit_effect, remove_direction, scale
from pam_ros.sae.store import TokenStore
from pam_ros.share import share_directory
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import CAMERA_NAMES, CUBE_HALF_SIZE, Scene, place
from pam_ros.sim.task import EPISODE_TICKS, ReachTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.policy.act import ActPolicy
    from pam_ros.sae.model import SAE

OBJECTS = ("red cube", "blue cube", "green cylinder")
LEAST_ON = 0.5
"""Share of the training ticks in which a feature that is chosen fires in the top camera."""

RANDOM_FEATURES = 20
RANDOM_SEEDS = 5
"""Scenes per random feature in `reach`; all together as many as the other arms have."""

ARMS = ("unedited", "ablated", "probe", "random")


class Ticks:
    """The ticks of a store, some at a time: tokens (n, T, D) float32 and their episodes (n,)."""

    def __init__(self, store: TokenStore, shards: int, at_once: int = 25) -> None:
        self._store, self._shards, self._at_once = store, shards, at_once

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """In the store's order, from `shards` shards spread over it."""
        every = len(self._store.shards)
        chosen = np.unique(np.linspace(0, every - 1, min(self._shards, every)).round().astype(int))
        size = self._store.info.tokens
        for index in chosen:
            shard = self._store.read(int(index))
            tokens = shard.tokens.reshape(-1, size, shard.tokens.shape[1])
            episodes = shard.episode.reshape(-1, size)[:, 0]
            for start in range(0, len(tokens), self._at_once):
                part = slice(start, start + self._at_once)
                yield tokens[part].astype(np.float32), episodes[part]


def pixels_of_objects(scene: Scene, seeds: np.ndarray) -> np.ndarray:
    """Where the top camera sees the middles of the three objects, (n, 3, 2) column and row."""
    found: dict[int, np.ndarray] = {}
    for seed in np.unique(seeds):
        positions = place(int(seed)).positions
        points = np.column_stack([positions, np.full(len(positions), CUBE_HALF_SIZE)])
        scene.reset(int(seed))
        found[int(seed)] = scene.project(CAMERA_NAMES[0], points)[:, :2]
    return np.array([found[int(seed)] for seed in seeds])


def cell_pixels(grid: CameraTokens) -> np.ndarray:
    """The pixels at which a camera's cells look, (cells, 2) column and row."""
    rows, cols = np.divmod(np.arange(grid.rows * grid.cols), grid.cols)
    return np.column_stack([grid.x0 + cols * grid.dx, grid.y0 + rows * grid.dy])


def peaks(
    sae: SAE, store: TokenStore, grid: CameraTokens, shards: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest activation in a camera (ticks, F), its cell (ticks, F), and the episodes (ticks,)."""
    largest, cells, episodes = [], [], []
    for tokens, episode in Ticks(store, shards):
        camera = tokens[:, grid.start : grid.stop]
        code = sae.encode(torch.from_numpy(camera.reshape(-1, camera.shape[-1]).copy()))
        code = code.reshape(len(camera), grid.stop - grid.start, -1)
        value, cell = code.max(dim=1)
        largest.append(value.numpy())
        cells.append(cell.numpy().astype(np.int16))
        episodes.append(episode)
    return np.concatenate(largest), np.concatenate(cells), np.concatenate(episodes)


def hit_rates(
    on: np.ndarray, cells: np.ndarray, objects: np.ndarray, grid: CameraTokens
) -> np.ndarray:
    """How often a peak lies within a cell of each object, of the ticks with the feature on.

    on: (ticks, F) bool. cells: (ticks, F). objects: (ticks, n, 2) pixels. Returns (n, F).
    """
    where = cell_pixels(grid)[cells]
    step = np.array([grid.dx, grid.dy])
    fired = np.maximum(on.sum(axis=0), 1)
    return np.array(
        [
            ((np.abs(where - objects[:, n, None]) <= step).all(axis=2) & on).sum(axis=0) / fired
            for n in range(objects.shape[1])
        ]
    )


def with_elsewhere(objects: np.ndarray, episodes: np.ndarray) -> np.ndarray:
    """Adds the red cube of the next scene as a fourth object: (ticks, 4, 2)."""
    scenes = np.unique(episodes)
    first = {int(seed): objects[np.argmax(episodes == seed), 0] for seed in scenes}
    following = dict(zip(scenes.tolist(), np.roll(scenes, -1).tolist(), strict=True))
    other = np.array([first[following[int(seed)]] for seed in episodes])
    return np.concatenate([objects, other[:, None]], axis=1)


def choose(options: argparse.Namespace, sae: SAE, policy: ActPolicy) -> dict[str, Any]:
    """The feature, by the training episodes alone."""
    grid = policy.spec.layout.cameras[0]
    store = TokenStore(options.training)
    largest, cells, episodes = peaks(sae, store, grid, options.shards)
    with Scene() as scene:
        objects = with_elsewhere(pixels_of_objects(scene, episodes), episodes)
    on = largest > 0
    rates = hit_rates(on, cells, objects, grid)
    score = np.where(on.mean(axis=0) >= LEAST_ON, rates[0] - rates[3], -1.0)
    order = np.argsort(-score)[:10]
    return {
        "feature": int(order[0]),
        "ticks": len(on),
        "episodes": len(np.unique(episodes)),
        "candidates": [_rates(int(f), on[:, f], rates[:, f]) for f in order],
    }


def test(options: argparse.Namespace, sae: SAE, policy: ActPolicy, feature: int) -> dict[str, Any]:
    """The chosen feature on held-out episodes; errors by resampling episodes."""
    grid = policy.spec.layout.cameras[0]
    largest, cells, episodes = peaks(sae, TokenStore(options.held_out), grid, 10**6)
    with Scene() as scene:
        objects = with_elsewhere(pixels_of_objects(scene, episodes), episodes)
    on, cells = largest[:, [feature]] > 0, cells[:, [feature]]
    groups = [np.flatnonzero(episodes == seed) for seed in np.unique(episodes)]
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(1000):
        rows = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        samples.append(hit_rates(on[rows], cells[rows], objects[rows], grid)[:, 0])
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    result = _rates(feature, on[:, 0], hit_rates(on, cells, objects, grid)[:, 0])
    names = (*OBJECTS, "elsewhere")
    result["interval_95"] = {n: [low[i], high[i]] for i, n in enumerate(names)}
    return result | {"ticks": len(on), "episodes": len(groups)}


def _rates(feature: int, on: np.ndarray, rates: np.ndarray) -> dict[str, Any]:
    named = dict(zip((*OBJECTS, "elsewhere"), rates.tolist(), strict=True))
    return {"feature": feature, "on": float(on.mean()), "peak within a cell of": named}


def controls(
    sae: SAE, store: TokenStore, grid: CameraTokens, feature: int, shards: int
) -> dict[str, Any]:
    """The random features with their factors, and a probe for the red cube's cell.

    The probe is a ridge regression from a top camera's token to whether the cube's middle is
    nearest to that cell. Its direction, and those features, see training episodes alone.
    """
    squares, rows = np.zeros(sae.cfg.d_sae), 0
    xs, ys = [], []
    with Scene() as scene:
        for tokens, episode in Ticks(store, shards):
            flat = torch.from_numpy(tokens.reshape(-1, tokens.shape[-1]))
            squares += sae.encode(flat).square().sum(dim=0).numpy()
            rows += len(flat)
            camera = tokens[:, grid.start : grid.stop]
            red = pixels_of_objects(scene, episode)[:, 0]
            gaps = np.abs(cell_pixels(grid)[None] - red[:, None]).max(axis=2)
            xs.append(camera.reshape(-1, camera.shape[-1]).astype(np.float64))
            ys.append((gaps == gaps.min(axis=1, keepdims=True)).ravel())
    x, y = np.concatenate(xs), np.concatenate(ys).astype(np.float64)
    mean = x.mean(axis=0)
    covariance = np.cov(x.T) + 1e-3 * np.trace(np.cov(x.T)) / x.shape[1] * np.eye(x.shape[1])
    direction = np.linalg.solve(covariance, ((x - mean) * (y - y.mean())[:, None]).mean(axis=0))
    output = (x - mean) @ direction
    cells = grid.stop - grid.start
    found = output.reshape(-1, cells).argmax(axis=1) == y.reshape(-1, cells).argmax(axis=1)
    norms = np.sqrt(squares / rows)
    near = np.flatnonzero((norms > norms[feature] / 2) & (norms < norms[feature] * 2))
    near = near[near != feature]
    rng = np.random.default_rng(0)
    picked = rng.choice(near, min(RANDOM_FEATURES, len(near)), replace=False)
    return {
        "norm": float(norms[feature]),
        "within a factor of 2": len(near),
        "random": [
            {"feature": int(f), "factor": float(1 - norms[feature] / norms[f])} for f in picked
        ],
        "probe": {
            "direction": direction.tolist(),
            "centre": mean.tolist(),
            "finds the cell": float(found.mean()),
        },
    }


def edits(sae: SAE, feature: int, found: dict[str, Any]) -> dict[str, list[Any]]:
    """The edits of each arm."""
    probe = found["probe"]
    return {
        "unedited": [None],
        "ablated": [ablate(sae, feature)],
        "probe": [remove_direction(np.array(probe["direction"]), np.array(probe["centre"]))],
        "random": [scale(sae, r["feature"], r["factor"]) for r in found["random"]],
    }


def chunk(
    options: argparse.Namespace, sae: SAE, policy: ActPolicy, feature: int, found: dict[str, Any]
) -> dict[str, Any]:
    """Root mean square change of held-out chunks, normalised, per arm and edit."""
    layer = policy.tokens_layer
    observations, last = [], -1
    for stored in TokenStore(options.held_out).observations():
        # One tick of each episode, an early one: the arm is on its way.
        if stored.frame == 3 and stored.episode != last:
            observations.append(stored.observation)
            last = stored.episode
        if len(observations) == options.observations:
            break
    arms = edits(sae, feature, found)
    effects: dict[str, list[list[float]]] = {arm: [[] for _ in arms[arm]] for arm in ARMS[1:]}
    removed: dict[str, list[list[float]]] = {arm: [[] for _ in arms[arm]] for arm in ARMS[1:]}
    for observation in observations:
        prepared = policy.prepare([observation])
        before = policy.forward(prepared, tokens_layer=layer)
        tokens = torch.from_numpy(before.tokens.copy())
        for arm in ARMS[1:]:
            for number, edit in enumerate(arms[arm]):
                effect = edit_effect(policy, prepared, edit, layer, before)
                effects[arm][number].append(effect.rms)
                removed[arm][number].append(float((edit(tokens) - tokens).norm()))
    return {
        "observations": len(observations),
        "chunk change": {arm: [float(np.mean(e)) for e in effects[arm]] for arm in effects},
        "norm removed": {arm: [float(np.mean(e)) for e in removed[arm]] for arm in removed},
    }


def reach(
    options: argparse.Namespace,
    policy: ActPolicy,
    arms: dict[str, list[Any]],
    save: Callable[[str, dict[str, Any]], None],
    done: dict[str, Any],
) -> None:
    """Drives the arm in the scenes of one arm of the study that are not driven yet."""
    chosen = arms[options.arm]
    results = dict(done.get(options.arm, {}))
    with Scene() as scene:
        for number in range(options.episodes):
            seed = options.seed + number
            if str(seed) in results:
                continue
            edit = chosen[number * len(chosen) // options.episodes]
            policy.edit_tokens(edit)
            results[str(seed)] = episode(scene, policy, seed, options.limit) | {
                "edit": "none" if edit is None else edit.words
            }
            save(options.arm, results)
    policy.edit_tokens(None)


def episode(scene: Scene, policy: ActPolicy, seed: int, limit: int) -> dict[str, Any]:
    """One reach: whether and when it succeeded within `limit` ticks, and the last distance [m]."""
    scene.reset(seed)
    policy.reset()
    task = ReachTask()
    while not task.done and task.ticks < limit:
        scene.command(policy.step(observe(scene)).action)
        scene.step()
        task.update(scene.tip, scene.cube)
    return {"success": task.success, "ticks": task.ticks, "distance": task.distance}


def main() -> int:
    """Run one step and add it to the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("choose", "test", "controls", "chunk", "reach"))
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--sae", type=Path, required=True)
    parser.add_argument("--training", type=Path)
    parser.add_argument("--held-out", type=Path)
    parser.add_argument("--json", type=Path, default=Path("sae_finding.json"))
    parser.add_argument("--shards", type=int, default=6, help="of the training store, to look at")
    parser.add_argument("--observations", type=int, default=40, help="for chunk")
    parser.add_argument("--arm", choices=ARMS, default="unedited", help="for reach")
    parser.add_argument("--episodes", type=int, default=100, help="for reach")
    parser.add_argument("--seed", type=int, default=1000, help="for reach: of the first scene")
    parser.add_argument("--limit", type=int, default=EPISODE_TICKS, help="for reach: ticks")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    policy = load_policy(options.policy, engine="eager")
    layer = policy.tokens_layer
    sae = load_sae(options.sae, policy_sha256=policy.spec.sha256, layer=layer)
    content = json.loads(options.json.read_text()) if options.json.is_file() else {}
    if content.setdefault("sae_sha256", sae.sha256) != sae.sha256:
        parser.error(f"{options.json} is about another SAE")

    def save(name: str, value: Any) -> None:
        content[name] = value
        options.json.write_text(json.dumps(content, indent=1) + "\n")

    if options.step == "choose":
        save("choose", choose(options, sae, policy))
        return 0
    feature = content["choose"]["feature"]
    if options.step == "test":
        save("test", test(options, sae, policy, feature))
        return 0
    grid = policy.spec.layout.cameras[0]
    if "controls" not in content:
        store = TokenStore(options.training)
        save("controls", controls(sae, store, grid, feature, options.shards))
    if options.step == "chunk":
        save("chunk", chunk(options, sae, policy, feature, content["controls"]))
    elif options.step == "reach":
        driven = content.setdefault("reach", {})

        def save_arm(arm: str, results: dict[str, Any]) -> None:
            save("reach", driven | {arm: results})

        reach(options, policy, edits(sae, feature, content["controls"]), save_arm, driven)
    return 0


if __name__ == "__main__":
    sys.exit(main())
