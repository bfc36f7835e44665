# SPDX-License-Identifier: Apache-2.0
"""Does the peak of each map lie on the red cube? Prints a table over unseen scenes.

    python benchmarks/where_the_demo_policy_looks.py [--episodes 50] [--seed 2000] [--policy DIR]

One observation per scene, at its start, in the top camera. "peak on cube" is how often the
strongest cell lies within one cell of the cube's middle, and what a cell drawn at random would
reach; "mass at cube" is the mass of the cell nearest to the cube, in multiples of the mean cell.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np

from pam_ros.attention.maps import AttentionMaps, attention_maps, encoder_attention_maps
from pam_ros.policy import load_policy
from pam_ros.share import share_directory
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import Scene

CAMERA = "top"


def near(cells: np.ndarray, row: float, col: float) -> np.ndarray:
    """Which cells lie within one cell of a place, (rows, cols) bool."""
    rows, cols = np.indices(cells.shape)
    return (np.abs(rows - row) <= 1) & (np.abs(cols - col) <= 1)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2000)
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    options = parser.parse_args()
    policy = load_policy(options.policy, device="cpu")
    layout, layers = policy.spec.layout, policy.spec.encoder_layers
    hits: dict[str, list[bool]] = {}
    ratios: dict[str, list[float]] = {}
    chance: list[float] = []

    def take(maps: AttentionMaps, row: float, col: float) -> None:
        (camera,) = [c for c in maps.cameras if c.feature.endswith(CAMERA)]
        hits.setdefault(maps.layer, []).append(bool(near(camera.cells, row, col)[camera.peak]))
        nearest = camera.cells[
            min(round(row), camera.cells.shape[0] - 1), min(round(col), camera.cells.shape[1] - 1)
        ]
        ratios.setdefault(maps.layer, []).append(float(nearest / camera.cells.mean()))

    with Scene() as scene:
        for seed in range(options.seed, options.seed + options.episodes):
            scene.reset(seed)
            observation = observe(scene)
            column, line, _ = scene.project(CAMERA, scene.cube[None])[0]
            row, col = line / 32, column / 32
            for layer in range(layers):
                policy.show_encoder_layer(layer)
                output = policy.explain(observation)
                take(encoder_attention_maps(output.encoder_attention, layout, layer), row, col)
            take(attention_maps(output.attention, layout), row, col)
            grid = next(c for c in layout.cameras if c.feature.endswith(CAMERA))
            chance.append(float(near(np.zeros((grid.rows, grid.cols)), row, col).mean()))

    count = options.episodes
    sys.stdout.write(f"{count} scenes from seed {options.seed}, camera {CAMERA}\n")
    sys.stdout.write(f"{'layer':32} peak on cube   mass at cube\n")
    for layer, found in hits.items():
        share = float(np.mean(found))
        error = math.sqrt(share * (1 - share) / count)
        sys.stdout.write(
            f"{layer:32} {share:4.0%} +- {error:3.0%}   {np.mean(ratios[layer]):6.1f} x\n"
        )
    sys.stdout.write(f"{'a cell at random':32} {np.mean(chance):4.0%}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
