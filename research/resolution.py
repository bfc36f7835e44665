# SPDX-License-Identifier: Apache-2.0
"""How small an object the live contribution still finds: the demo's cube, made smaller.

python -m research.resolution                     24 scenes from 3200 on, a line a size
python -m research.resolution --scenes 100 --first 0

At each size the scene is rendered with the cube and without it. A line says how large the cube is
in the picture of the top camera, how far the chunk goes without it (the policy knows only whole
cubes), how often the strongest cell is on it, and which part of the chunk's change comes about if
the map's strongest cells, as many as differ between the two pictures, are swapped for those without
the cube. Only scenes count in which the chunk goes at least LEAST.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.cell_grids import own_grid, pool_into_cells
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.faithfulness.bootstrap import interval
from pam_ros.faithfulness.cells import Cells, ranked
from pam_ros.faithfulness.objects import changed
from pam_ros.faithfulness.pointing import hits
from pam_ros.faithfulness.probe import Probe, distance
from pam_ros.faithfulness.simulator_probes import MOMENTS
from pam_ros.faithfulness.table import cell, table
from pam_ros.observations.simulator import ExpertDriver, drive
from pam_ros.share.folders import share_directory
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import CAMERA_NAMES, CUBE_HALF_SIZE, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.subject import Subject

SIZES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15)
"""Edges, of the whole cube's."""
LEAST = 0.02
"""Normalised units: below it the policy does not heed the cube."""
TOP = f"observation.images.{CAMERA_NAMES[0]}"


@dataclass(frozen=True)
class Found:
    """One scene at one size and grid; pixels: the cube's in the top picture."""

    pixels: float
    change: float
    hit: float
    explained: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m research.resolution")
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--first", type=int, default=3200)
    parser.add_argument("--cells", type=int, nargs="+", default=[32, 16, 8], help="pixels")
    options = parser.parse_args(arguments)

    from pam_ros.faithfulness.subject import Subject  # noqa: PLC0415  (torch is slow to load)
    from pam_ros.policy import load_policy  # noqa: PLC0415
    from pam_ros.policy.abilities import Contributing  # noqa: PLC0415

    policy = load_policy(options.policy, device="cpu", engine="eager")
    if not isinstance(policy, Contributing):
        parser.error(f"{options.policy} gives no contributions")
    subject = Subject(policy, ())
    grids = {
        size: Cells([own_grid(camera, size) for camera in policy.spec.layout.cameras])
        for size in options.cells
    }
    found: dict[tuple[float, int], list[Found]] = {}
    with Scene() as scene:
        seeds = range(options.first, options.first + options.scenes)
        for seed, edge, probe in moments(scene, seeds):
            images = policy.contribute(probe.observation, ContributionRequest()).images or {}
            for size, cells in grids.items():
                one = finds(subject, cells, probe, images, np.random.default_rng(seed))
                if one is not None:
                    found.setdefault((edge, size), []).append(one)
            print(f"scene {seed}, edge {edge:.2f}", file=sys.stderr, flush=True)
    print(table(*lines(found, options.scenes)))
    return 0


def moments(scene: Scene, seeds: Iterable[int]) -> Iterator[tuple[int, float, Probe]]:
    """The expert's moments with a cube of each size: the seed, the size, and the renderings."""
    geom = scene.model.geom("red_cube").id
    for seed in seeds:
        at = MOMENTS[seed % len(MOMENTS)]
        frame = next(drive(scene, seed, ExpertDriver(), at.__eq__, over=lambda _: False))
        here = scene.cube
        try:
            for edge in SIZES:
                scene.model.geom_size[geom] = CUBE_HALF_SIZE * edge
                height = -CUBE_HALF_SIZE * (1.0 - edge)  # it stands on the table
                scene.model.geom_pos[geom] = (0.0, 0.0, height)
                scene.put_cube(here[:2])
                masks = {f"observation.images.{c}": scene.cube_mask(c) for c in CAMERA_NAMES}
                seen = observe(scene)
                scene.hide_cube()
                yield seed, edge, Probe(seed, frame.frame, seen, masks, removed=observe(scene))
        finally:
            scene.model.geom_size[geom] = CUBE_HALF_SIZE
            scene.model.geom_pos[geom] = 0.0


def finds(
    subject: Subject,
    cells: Cells,
    probe: Probe,
    images: Mapping[str, NDArray[Any]],
    rng: np.random.Generator,
) -> Found | None:
    """What a map of these pixels (H, W) finds of the cube on a grid; None if it is not heeded."""
    near = hits(cells, probe.cube)
    assert probe.removed is not None
    if near is None:
        return None
    grids = {c.feature: pool_into_cells(np.abs(images[c.feature]), c) for c in cells.cameras}
    row = cells.row(grids, "contribution")
    differ = int((changed(cells, probe.observation, probe.removed) > 0).sum())
    first = np.zeros(cells.size, dtype=bool)
    first[ranked(row, rng)[:differ]] = True
    mixed = cells.mix(probe.observation, probe.removed, first)
    chunks = subject.chunks([probe.observation, probe.removed, mixed])
    change, left = distance(chunks[:1], chunks[1:2])[0], distance(chunks[2:], chunks[1:2])[0]
    if change < LEAST:
        return None
    hit = float(near[row == row.max()].mean())
    return Found(float(probe.cube[TOP].sum()), float(change), hit, float(1 - left / change))


def lines(
    found: Mapping[tuple[float, int], Sequence[Found]], scenes: int
) -> tuple[list[str], list[list[str]]]:
    """The table's head and rows."""
    head = ["edge", "cell", "cube, pixels across", "scenes", "change", "pointing", "explained"]
    rows = [
        [
            f"{2e3 * CUBE_HALF_SIZE * edge:.0f} mm",
            f"{size}",
            f"{np.sqrt(np.median([one.pixels for one in each])):.0f}",
            f"{len(each)} of {scenes}",
            *(
                cell(interval(np.array([getattr(one, name) for one in each])))
                for name in ("change", "hit", "explained")
            ),
        ]
        for (edge, size), each in sorted(found.items(), reverse=True)
    ]
    return head, rows


if __name__ == "__main__":
    raise SystemExit(main())
