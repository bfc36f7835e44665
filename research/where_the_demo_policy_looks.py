# SPDX-License-Identifier: Apache-2.0
"""On what does the peak of each map lie? Prints a table over unseen scenes.

    python research/where_the_demo_policy_looks.py [--episodes 50] [--seed 2000] [--camera top]

Three moments of each of the expert's reaches: at the start, after 0.4 and after 0.8 s; those in
which the camera does not see the red cube's middle are left out. A peak lies on an object where the
strongest cell is within one cell of the object's middle. The
control "elsewhere" scores the same map at the red cube's place in the scene before: a map that
prefers some part of the table, or the gripper, scores there too. Standard errors are over scenes.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.maps import CROSS_ATTENTION, ENCODER_ATTENTION, AttentionMaps
from pam_ros.attention.selection import make_selection, selection, stack_of
from pam_ros.policy import load_policy
from pam_ros.share.folders import share_directory
from pam_ros.sim.expert import expert_action
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import CAMERA_NAMES, CUBE_HALF_SIZE, Scene, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.policy import Policy

MOMENTS = (0, 4, 8)
PLACES = ("red cube", "elsewhere", "blue cube", "green cylinder")


def hits(maps: AttentionMaps, grid: CameraTokens, pixels: NDArray[Any]) -> list[bool]:
    """Whether the peak lies within one cell of each pixel (column, row, ...) of (n, 2 or 3)."""
    (camera,) = [camera for camera in maps.cameras if camera.feature == grid.feature]
    row, col = camera.peak
    return [
        abs(grid.x0 + col * grid.dx - x) <= grid.dx and abs(grid.y0 + row * grid.dy - y) <= grid.dy
        for x, y in pixels[:, :2]
    ]


def sees(grid: CameraTokens, pixel: NDArray[Any]) -> bool:
    """Whether a pixel (column, row, depth) lies in the camera's picture."""
    return 0 <= pixel[0] < grid.width and 0 <= pixel[1] < grid.height and pixel[2] > 0


def middles(seed: int) -> NDArray[Any]:
    """Middles of red cube, blue cube and green cylinder in a scene, (3, 3), metres."""
    positions = place(seed).positions
    return np.column_stack([positions, np.full(len(positions), CUBE_HALF_SIZE)])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2000)
    parser.add_argument("--camera", default="top", choices=CAMERA_NAMES)
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    options = parser.parse_args()
    policy = load_policy(options.policy, device="cpu")
    spec = policy.spec
    grid = next(camera for camera in spec.layout.cameras if camera.feature.endswith(options.camera))
    # Per map: for every scene, the share of its moments in which the peak lies on each place.
    found: dict[str, list[NDArray[Any]]] = {}
    with Scene() as scene:
        for seed in range(options.seed, options.seed + options.episodes):
            scene.reset(seed)
            red, blue, green = middles(seed)
            places = np.stack([red, middles(seed - 1)[0], blue, green])
            moments: dict[str, list[list[bool]]] = {}
            for tick in range(max(MOMENTS) + 1):
                pixels = scene.project(options.camera, places)
                if tick in MOMENTS and sees(grid, pixels[0]):
                    for name, maps in all_maps(policy, observe(scene)):
                        moments.setdefault(name, []).append(hits(maps, grid, pixels))
                scene.command(expert_action(scene.joint_positions, scene.cube))
                scene.step()
            for name, rows in moments.items():
                found.setdefault(name, []).append(np.mean(rows, axis=0))
    last = options.seed + options.episodes - 1
    sys.stdout.write(
        f"policy {spec.sha256[:12]}, scenes {options.seed} to {last}, camera {options.camera}\n"
        f"{'peak on':38}" + "".join(f"{name:>16}" for name in PLACES) + "\n"
    )
    for name, scenes in found.items():
        shares = np.stack(scenes)
        errors = shares.std(axis=0, ddof=1) / math.sqrt(len(scenes))
        cells = [f"{m:8.0%} +- {e:3.0%}" for m, e in zip(shares.mean(axis=0), errors, strict=True)]
        sys.stdout.write(f"{name:38}" + "".join(f"{cell:>16}" for cell in cells) + "\n")
    return 0


def all_maps(policy: Policy, observation: dict[str, Any]) -> list[tuple[str, AttentionMaps]]:
    """The maps of every layer, averaged over heads, and of each head of the first encoder layer."""
    spec = policy.spec
    encoder = stack_of(ENCODER_ATTENTION, spec)
    assert encoder is not None
    asked = [
        [
            selection(ENCODER_ATTENTION, spec, layer, head)
            for head in (None, *range(encoder.heads if layer == 0 else 0))
        ]
        for layer in range(encoder.layers)
    ]
    asked.append([make_selection(CROSS_ATTENTION, -1, "mean", "mean", spec)])
    maps = []
    for selections in asked:  # of one layer, whose weights hold every head
        selections[0].apply_to(policy)
        output = policy.explain(observation)
        maps += [chosen.maps(output, spec) for chosen in selections]
    return [(f"{m.layer}, {'mean' if m.head == 'mean' else f'head {m.head}'}", m) for m in maps]


if __name__ == "__main__":
    sys.exit(main())
