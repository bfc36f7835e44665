# SPDX-License-Identifier: Apache-2.0
"""The demo policy's feature for how far left the red cube stands, and what the arm does with it.

    python -m research.sae_finding choose   --sae SAE --training STORE
    python -m research.sae_finding test     --sae SAE --held-out STORE
    python -m research.sae_finding controls --sae SAE --training STORE
    python -m research.sae_finding chunk    --sae SAE --held-out STORE
    python -m research.sae_finding reach    --sae SAE --arm ablated
    python -m research.sae_finding report   --sae SAE

Each adds to the file of --json; a drive is kept beside it, by arm, and goes on where it stopped.
`choose` takes, on the first ticks of the SAE's training episodes, the feature whose mean over the
tokens correlates most with the red cube's azimuth, and as a group all with |r| of at least 0.7.
`test` repeats that on held-out episodes. `chunk` and `reach` compare edits (sae_finding_arms).
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
from pam_ros.policy.act.policy import ActPolicy
from pam_ros.sae.disk import load_sae
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.share.folders import share_directory
from pam_ros.sim.task import EPISODE_TICKS
from research.sae_finding_arms import arms, controls
from research.sae_finding_effects import chunk_effects, drive, first_observations
from research.sae_finding_report import report
from research.sae_finding_scenes import (
    OBJECTS,
    azimuths,
    correlations,
    first_ticks,
    mean_activations,
    start_pans,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE

GROUP = 0.7
STEPS = ("choose", "test", "controls", "chunk", "reach", "report")


def choose(sae: SAE, store: TokenStore) -> dict[str, Any]:
    """The feature and the group, by the training episodes alone."""
    tokens, episodes = first_ticks(store)
    values = mean_activations(sae, tokens)
    red = correlations(values, azimuths(episodes)[:, 0])
    order = np.argsort(-np.abs(red), kind="stable")
    return {
        "feature": int(order[0]),
        "sign": float(np.sign(red[order[0]])),
        "group": [int(f) for f in order if abs(red[f]) >= GROUP],
        "episodes": len(episodes),
        "candidates": [{"feature": int(f), **_row(values[:, f], episodes)} for f in order[:10]],
    }


def test(sae: SAE, store: TokenStore, feature: int, rounds: int = 2000) -> dict[str, Any]:
    """The chosen feature on held-out episodes; intervals by resampling episodes."""
    tokens, episodes = first_ticks(store)
    values = mean_activations(sae, tokens)[:, feature]
    rng = np.random.default_rng(0)
    samples = [
        list(_row(values[rows], episodes[rows]).values())
        for rows in (rng.integers(0, len(episodes), len(episodes)) for _ in range(rounds))
    ]
    low, high = np.percentile(samples, [2.5, 97.5], axis=0).tolist()
    row = _row(values, episodes)
    azimuth = azimuths(episodes)
    return {
        "episodes": len(episodes),
        "correlation": row,
        "interval_95": {n: [low[i], high[i]] for i, n in enumerate(row)},
        "azimuths of red and blue": float(np.corrcoef(azimuth[:, 0], azimuth[:, 1])[0, 1]),
        "azimuths of red and green": float(np.corrcoef(azimuth[:, 0], azimuth[:, 2])[0, 1]),
        "points": np.column_stack([azimuth[:, 0], values]).round(4).tolist(),
    }


def _row(values: NDArray[Any], episodes: NDArray[Any]) -> dict[str, float]:
    """Correlations of a feature's values (n,) with what stands where."""
    azimuth = azimuths(episodes)
    signals = {name: azimuth[:, i] for i, name in enumerate(OBJECTS)}
    signals["red cube of another scene"] = np.roll(azimuth[:, 0], 1)
    signals["arm's start"] = start_pans(episodes)
    return {n: float(correlations(values[:, None], s)[0]) for n, s in signals.items()}


def main() -> int:
    """Run one step and add it to the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--sae", type=Path, required=True)
    parser.add_argument("--training", type=Path)
    parser.add_argument("--held-out", type=Path)
    parser.add_argument("--json", type=Path, default=Path("sae_finding.json"))
    parser.add_argument("--shards", type=int, default=6, help="for controls: how many to look at")
    parser.add_argument("--observations", type=int, default=40, help="for chunk")
    parser.add_argument("--arm", default="unedited", help="for reach; see sae_finding_arms")
    parser.add_argument("--episodes", type=int, default=100, help="for reach")
    parser.add_argument("--seed", type=int, default=1000, help="for reach: of the first scene")
    parser.add_argument("--limit", type=int, default=EPISODE_TICKS, help="for reach: ticks")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    policy = load_policy(options.policy, engine="eager")
    assert isinstance(policy, ActPolicy)
    sae = load_sae(options.sae, policy_sha256=policy.spec.sha256, layer=policy.tokens_layer)
    content = json.loads(options.json.read_text()) if options.json.is_file() else {}
    if content.setdefault("sae_sha256", sae.sha256) != sae.sha256:
        parser.error(f"{options.json} is about another SAE")

    def save(path: Path, value: dict[str, Any]) -> None:
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(value, indent=1) + "\n")
        part.replace(path)

    step = options.step
    if step == "choose":
        content[step] = choose(sae, TokenStore(options.training))
    elif step == "test":
        content[step] = test(sae, TokenStore(options.held_out), content["choose"]["feature"])
    elif step == "controls":
        grid = policy.spec.layout.cameras[0]
        store = TokenStore(options.training)
        content[step] = controls(sae, store, grid, content["choose"], options.shards)
    elif step == "report":
        content["reach"] = {
            path.name.split(".")[-2]: json.loads(path.read_text())
            for path in sorted(options.json.parent.glob(f"{options.json.stem}.*.json"))
        }
        sys.stdout.write(report(content))
    else:
        edits = arms(sae, content["choose"], content["controls"])
        if step == "chunk":
            frames = first_observations(TokenStore(options.held_out), options.observations)
            content[step] = chunk_effects(policy, frames, edits)
        else:
            path = options.json.with_name(f"{options.json.stem}.{options.arm}.json")
            done = json.loads(path.read_text()) if path.is_file() else {}
            seeds = range(options.seed, options.seed + options.episodes)
            drive(policy, edits[options.arm], seeds, options.limit, done, lambda d: save(path, d))
            return 0
    save(options.json, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
