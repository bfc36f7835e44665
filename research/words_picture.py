# SPDX-License-Identifier: Apache-2.0
r"""One scene, three instructions, three heats: a column for each, the words below it.

    python -m research.views_of_words --policy models/demo_smolvla --json views.json
    python -m research.words_picture --policy models/demo_smolvla --views views.json \
        --out docs/images/words.png

The scene is not chosen by its heat: it is the first from seed 45000 on in which both cameras see
all objects, and none within 60 pixels of another. Noise and scale are the same in all columns: the
scale is the largest cell of the three.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import TickScale
from pam_ros.attention.word_strip import draw_words
from pam_ros.attention.words import language_words
from pam_ros.policy import load_policy
from pam_ros.sim.instructions import instruction
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import OBJECTS, Scene
from research.word_scenes import first_apart
from research.word_views import ALL_STEPS, View, looks_for, selection_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps

FIRST_SEED = 45_000
APART = 60.0
"""Least distance between the middles of two objects [pixels]."""
SCALE = 1.5
"""Pixels of the picture for one of the camera."""
GAP = 8
PAPER, BOARD = 255, 24


def column(
    observation: Mapping[str, NDArray[Any]], maps: AttentionMaps, full_scale: float
) -> NDArray[np.uint8]:
    """The cameras' overlays above each other, and the words, (height, width, 3) uint8 RGB."""
    overlay = Overlay()
    sheets = []
    for camera in maps.cameras:
        image = np.asarray(observation[camera.feature], np.uint8)
        large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        # Numbers are pixels' middles: the left edge of the first is at -0.5.
        x0, y0 = ((first + 0.5) * SCALE - 0.5 for first in (camera.x0, camera.y0))
        step = camera.dx * SCALE, camera.dy * SCALE
        share = maps.joint_state_share
        sheets.append(overlay.draw(large, camera.cells, x0, y0, *step, full_scale, share))
        sheets.append(np.full((GAP, large.shape[1], 3), PAPER, np.uint8))
    # The line's end is drawn as a question mark otherwise, which nobody asked.
    words = [word for word in language_words(maps.groups) if not word.special]
    strip = draw_words(words, full_scale, sheets[0].shape[1], overlay.colormap, overlay.alpha)
    return np.concatenate([*sheets, strip])


def side_by_side(columns: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Columns with gaps between them; shorter ones go on in the strip's grey."""
    height = max(len(each) for each in columns)
    parts: list[NDArray[np.uint8]] = []
    for each in columns:
        below = ((0, height - len(each)), (0, 0), (0, 0))
        parts.append(np.pad(each, below, constant_values=BOARD))
        parts.append(np.full((height, GAP, 3), PAPER, np.uint8))
    return np.concatenate(parts[:-1], axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw."""
    parser = argparse.ArgumentParser(prog="python -m research.words_picture")
    parser.add_argument("--policy", required=True, help="checkpoint folder")
    parser.add_argument("--out", type=Path, required=True, help="a PNG file")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="where to look for a scene")
    parser.add_argument("--method", default="cross_attention")
    parser.add_argument("--layer", type=int, default=1)
    parser.add_argument("--head", type=int, help="the mean over heads unless given")
    parser.add_argument("--step", type=int, help="of denoising; the last unless given, "
                        f"{ALL_STEPS} for the mean")  # fmt: skip
    parser.add_argument("--views", type=Path, help="JSON of views_of_words: draw its best view")
    options = parser.parse_args(arguments)
    policy: Any = load_policy(options.policy, device="cpu")
    step = policy.spec.denoising_steps - 1 if options.step is None else options.step
    view = View(options.method, options.layer, options.head, step)
    if options.views:
        measured = json.loads(options.views.read_text(encoding="utf-8"))
        if measured["policy_sha256"] != policy.spec.sha256:
            parser.error(f"--views {options.views} was measured on another policy than --policy")
        view = View(*(measured["best"][field] for field in View._fields))
    with Scene() as scene:
        seed = first_apart(scene, options.seed, APART)
        observation = observe(scene)
    found = []
    for name in OBJECTS:
        policy.instruct(instruction(name))
        spec = policy.spec
        prepared = policy.prepare([observation])
        weights = policy.forward(prepared, looks=looks_for([view], spec)).weights
        of_one = {key: array[0] for key, array in weights.items()}
        found.append(selection_of(view, spec).maps_of(of_one, spec))
    full_scale = max(TickScale().scale(maps) for maps in found)
    sheet = side_by_side([column(observation, maps, full_scale) for maps in found])
    cv2.imwrite(str(options.out), sheet[..., ::-1])
    print(f"{options.out}: scene {seed}, {view}, full scale {full_scale:.4f} of the mass a cell")
    return 0


if __name__ == "__main__":
    sys.exit(main())
