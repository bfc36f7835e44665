# SPDX-License-Identifier: Apache-2.0
"""Which view of a policy that reads words follows them? Prints a table over unseen scenes.

    python -m research.views_of_words --policy models/demo_smolvla [--scenes 60] [--json F]

Scenes are seeds from 40000 on, which no training has seen. Of each,
two pictures: the first tick, and one about half of the expert's way to one of the objects. Each
picture is asked for each of the three objects with the same noise, and for every stack, layer, head
and denoising step it is measured which part of a camera's map lies on each object (word_scores).

The best view, and the best of each layer, are chosen on the first half of the scenes by the top
camera. All figures are of the other half, with 95% intervals over scenes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.machine import ask_for_threads, pin_threads
from pam_ros.attention.attribution import CONTRIBUTIONS
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.policy import load_policy
from pam_ros.policy.abilities import Batching, Contributing, Instructed, NoiseHolding, lacks
from pam_ros.policy.interface import PolicyError
from pam_ros.sim.instructions import instruction
from pam_ros.sim.scene import CAMERA_NAMES, OBJECTS, Scene
from research.word_report import CENTRE, RANDOM, report, table
from research.word_scenes import MOMENTS, Picture, pictures
from research.word_scores import REACH, overlaps, share_on
from research.word_views import View, looks_for, selection_of, views_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.policy.interface import Policy, PolicySpec

FIRST_SEED = 40_000
BATCH = 6
"""Pictures in a pass."""
Shares = dict[View, dict[str, "NDArray[np.float32]"]]
"""By view and camera: (scenes, moments, 3 told, 3 objects), as word_scores takes them."""


class Measured:
    """Shares of every view, filled in as passes are done.

    Args:
        scenes: how many.
        reach: of the squares, see word_scores.overlaps.
    """

    def __init__(self, scenes: int, reach: float) -> None:
        self._shape = (scenes, len(MOMENTS), len(OBJECTS), len(OBJECTS))
        self._reach = reach
        self._squares: dict[tuple[int, int, str], NDArray[np.float64]] = {}
        self.shares: Shares = {}

    def add(
        self,
        view: View,
        picture: Picture,
        told: int,
        cells: Mapping[str, NDArray[np.floating]],
        grids: Sequence[CameraTokens],
    ) -> None:
        """Count one map.

        Args:
            view: whose it is.
            picture: what was seen.
            told: which of OBJECTS was named.
            cells: by a camera's feature, (rows, cols).
            grids: of the cameras.
        """
        cameras = self.shares.setdefault(view, {})
        for grid in grids:
            camera = grid.feature.rpartition(".")[2]
            shares = cameras.setdefault(camera, np.full(self._shape, np.nan, np.float32))
            if picture.pixels[camera] is not None:
                squares = self._squares_of(picture, camera, grid)
                shares[picture.scene, picture.moment, told] = share_on(cells[grid.feature], squares)

    def _squares_of(self, picture: Picture, camera: str, grid: CameraTokens) -> NDArray[np.float64]:
        key = (picture.scene, picture.moment, camera)
        if key not in self._squares:
            pixels = picture.pixels[camera]
            assert pixels is not None
            found = [overlaps(grid, pixel, self._reach) for pixel in pixels]
            self._squares[key] = np.stack(found)
        return self._squares[key]


def measure(policy: Policy, options: argparse.Namespace) -> Shares:
    """All views of all scenes.

    Raises:
        PolicyError: the policy reads no words, or runs no batches.
    """
    if not isinstance(policy, Instructed):
        raise PolicyError(lacks(policy, "it reads no words"))
    if not isinstance(policy, Batching):
        raise PolicyError(lacks(policy, "it runs no batches"))
    measured = Measured(options.scenes, options.reach)
    with Scene() as scene:
        several = pictures(scene, options.seed, options.scenes)
        while batch := tuple(islice(several, BATCH)):
            for told, name in enumerate(OBJECTS):
                policy.instruct(instruction(name))
                _weights(policy, batch, told, measured)
                if options.contributions and isinstance(policy, Contributing):
                    _contributions(policy, batch, told, measured)
                _controls(policy.spec, batch, told, measured)
            print(f"{batch[-1].scene + 1} of {options.scenes} scenes", file=sys.stderr, flush=True)
    return measured.shares


def _weights(policy: Any, batch: Sequence[Picture], told: int, measured: Measured) -> None:
    spec = policy.spec
    views = views_of(spec)
    prepared = policy.prepare([picture.observation for picture in batch])
    result = policy.forward(prepared, looks=looks_for(views, spec))
    for row, picture in enumerate(batch):
        weights = {key: array[row] for key, array in result.weights.items()}
        for view in views:
            maps = selection_of(view, spec).maps_of(weights, spec)
            cells = {camera.feature: camera.cells for camera in maps.cameras}
            measured.add(view, picture, told, cells, spec.layout.cameras)


def _contributions(policy: Any, batch: Sequence[Picture], told: int, measured: Measured) -> None:
    layout = policy.spec.layout
    for method in CONTRIBUTIONS:
        request = ContributionRequest(method)
        if policy.why_no_contribution(request):
            continue
        for picture in batch:
            # One noise an observation, whatever it is told, as passes of a batch have it.
            if isinstance(policy, NoiseHolding):
                policy.hold_noise(picture.observation)
            maps = policy.contribute(picture.observation, request).maps(layout)
            cells = {camera.feature: camera.cells for camera in maps.cameras}
            measured.add(View(method), picture, told, cells, layout.cameras)
    if isinstance(policy, NoiseHolding):
        policy.hold_noise(None)


def _controls(spec: PolicySpec, batch: Sequence[Picture], told: int, measured: Measured) -> None:
    grids = spec.layout.cameras
    for picture in batch:
        rng = np.random.default_rng([picture.scene, picture.moment, told])
        noise = {grid.feature: rng.random((grid.rows, grid.cols)) for grid in grids}
        measured.add(View(RANDOM), picture, told, noise, grids)
        middle = {grid.feature: _centre(grid.rows, grid.cols) for grid in grids}
        measured.add(View(CENTRE), picture, told, middle, grids)


def _centre(rows: int, cols: int) -> NDArray[np.float64]:
    """A round bell over the middle of the picture, a quarter of its width wide."""
    row, col = np.indices((rows, cols), np.float64)
    square = (row - (rows - 1) / 2) ** 2 + (col - (cols - 1) / 2) ** 2
    return np.exp(-square / (2 * (cols / 4) ** 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m research.views_of_words")
    parser.add_argument("--policy", required=True, help="checkpoint folder")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first scene")
    parser.add_argument("--reach", type=float, default=REACH, help="half a square's side [cells]")
    parser.add_argument("--no-contributions", dest="contributions", action="store_false")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="every view's score")
    options = parser.parse_args(arguments)
    if options.scenes < 4:
        parser.error(
            f"--scenes {options.scenes}: at least 4 are needed, two to choose and two more"
        )
    ask_for_threads(options.threads)
    pin_threads(options.threads)
    begin, cpu = time.monotonic(), time.process_time()
    policy = load_policy(options.policy, device="cpu")
    shares = measure(policy, options)
    found = report(shares, policy.spec, CAMERA_NAMES)
    last, side = options.seed + options.scenes - 1, 2 * options.reach
    print(f"policy {policy.spec.sha256[:12]}, scenes {options.seed} to {last}, squares of {side:g}"
          f" x {side:g} cells")  # fmt: skip
    print(table(found))
    print(f"{time.process_time() - cpu:.0f} CPU s, {time.monotonic() - begin:.0f} s")
    if options.json:
        content = {
            "policy_sha256": policy.spec.sha256,
            "first_seed": options.seed,
            "scenes": options.scenes,
            "reach": options.reach,
            **found.content(),
        }
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
