# SPDX-License-Identifier: Apache-2.0
"""What edits do: to the chunk of held-out observations, and to the arm in closed loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import CUBE_HALF_SIZE, Placement, Scene, place
from pam_ros.sim.task import ReachTask, goal_point
from research.sae_finding_scenes import interval_of_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy import BatchResult
    from pam_ros.policy.act.policy import ActPolicy
    from pam_ros.sae.store.token_store import StoredFrame, TokenStore
    from research.sae_finding_arms import Edit

AT_ONCE = 10


def first_observations(store: TokenStore, count: int) -> list[StoredFrame]:
    """Those of the first ticks of `count` episodes."""
    found = []
    for stored in store.observations():
        if stored.frame == 0:
            found.append(stored)
        if len(found) == count:
            break
    return found


def chunk_effects(
    policy: ActPolicy, frames: list[StoredFrame], arms: dict[str, list[Edit | None]]
) -> dict[str, Any]:
    """Of each edit, over the frames: means and 95% intervals.

    rms: root mean square change of the chunk, normalised units. turn: how far the tip's azimuth at
    the end of the chunk moves, degrees, and turn spread, its standard deviation. miss: from the
    tip at the end of the chunk to the goal, cm. norm: of what is taken out of a tick's tokens.
    """
    layer = policy.tokens_layer
    batches = [
        policy.prepare([f.observation for f in frames[start : start + AT_ONCE]])
        for start in range(0, len(frames), AT_ONCE)
    ]
    before = [policy.forward(batch, tokens_layer=layer) for batch in batches]
    tokens = [_tokens(result) for result in before]
    own = np.concatenate([result.normalised for result in before])
    result: dict[str, Any] = {"observations": len(frames)}
    with Scene() as scene:
        start = tips(scene, frames, np.concatenate([r.chunks[:, -1] for r in before]))
        goals = np.array([_goal(f.episode) for f in frames])
        for arm, edits in arms.items():
            measured = []
            for edit in edits:
                if edit is None:
                    after, norm = before, np.zeros(len(frames))
                else:
                    after = [policy.forward(b, tokens_layer=layer, edit=edit) for b in batches]
                    norm = np.concatenate(
                        [(edit(t) - t).flatten(1).norm(dim=1).numpy() for t in tokens]
                    )
                ends = tips(scene, frames, np.concatenate([r.chunks[:, -1] for r in after]))
                change = np.concatenate([r.normalised for r in after]) - own
                turn = _azimuth(ends) - _azimuth(start)
                measured.append(
                    {
                        "rms": interval_of_mean(np.sqrt(np.square(change).mean(axis=(1, 2)))),
                        "turn": interval_of_mean(turn),
                        "turn spread": float(turn.std()),
                        "miss": interval_of_mean(100 * np.linalg.norm(ends - goals, axis=1)),
                        "norm": float(norm.mean()),
                    }
                )
            result[arm] = measured
    return result


def drive(
    policy: ActPolicy,
    edits: list[Edit | None],
    seeds: range,
    limit: int,
    done: dict[str, Any],
    save: Callable[[dict[str, Any]], None],
) -> None:
    """Reach in the scenes that are not in `done` yet; each edit takes its part of the seeds."""
    with Scene() as scene:
        for number, seed in enumerate(seeds):
            if str(seed) in done:
                continue
            which = number * len(edits) // len(seeds)
            policy.edit_tokens(edits[which])
            done[str(seed)] = {"edit": which, **_episode(scene, policy, seed, limit)}
            save(done)
    policy.edit_tokens(None)


def _episode(scene: Scene, policy: ActPolicy, seed: int, limit: int) -> dict[str, Any]:
    """Success, ticks, the last distance [m], and how far left of the cube it ends [degrees]."""
    scene.reset(seed)
    policy.reset()
    task = ReachTask()
    while not task.done and task.ticks < limit:
        scene.command(policy.step(observe(scene)).action)
        scene.step()
        task.update(scene.tip, scene.cube)
    off = _azimuth(scene.tip[None]) - _azimuth(scene.cube[None])
    return {
        "success": task.success,
        "ticks": task.ticks,
        "distance": round(task.distance, 5),
        "left": round(float(off[0]), 2),
    }


def _tokens(result: BatchResult) -> Tensor:
    assert result.tokens is not None  # ACT gives them always
    return torch.from_numpy(result.tokens.copy())


def _goal(seed: int) -> NDArray[Any]:
    return goal_point(np.append(place(seed).positions[0], CUBE_HALF_SIZE))


def _azimuth(points: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    return result


def tips(scene: Scene, frames: list[StoredFrame], joints: NDArray[Any]) -> NDArray[Any]:
    """Where the tip is with the joints at (n, 6) radians, (n, 3) metres."""
    found = []
    for frame, angles in zip(frames, joints, strict=True):
        there = place(frame.episode)
        scene.set_placement(Placement(there.positions, there.yaws, angles.astype(np.float64)))
        found.append(scene.tip)
    return np.array(found)
