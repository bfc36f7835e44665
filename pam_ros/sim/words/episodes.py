# SPDX-License-Identifier: Apache-2.0
"""The expert's episodes with words, as a LeRobotDataset.

Each scene is recorded three times, once for each object that may be asked for, so that nothing in a
scene but the words says which one is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.instructions import PHRASINGS
from pam_ros.sim.scene import OBJECTS, Scene
from pam_ros.sim.training.dataset import (
    check_training_seed,
    features,
    moves,
    observed,
    write_dataset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def frames(
    scene: Scene, seed: int, target: str, correction: bool = False
) -> Iterator[dict[str, Any]]:
    """The frames of one expert episode, as LeRobotDataset.add_frame takes them.

    target: which of OBJECTS is asked for, by one of its training phrasings; seed and target say
    which.
    """
    phrases = PHRASINGS[target].training
    rng = np.random.default_rng([seed, 4, OBJECTS.index(target)])
    task = phrases[rng.integers(len(phrases))]
    for action in moves(scene, seed, correction, target):
        yield observed(scene, action, task)


def record(root: Path, seeds: Iterable[int], correction: bool = False) -> None:
    """Write three expert episodes per seed, one for each of OBJECTS, into a new LeRobotDataset.

    Raises SimError when the folder exists, or a seed is not one for training.
    """
    named = {name: value for name, value in features().items() if not name.startswith("cube_in_")}
    with Scene() as scene:
        write_dataset(
            root,
            named,
            (
                frames(scene, check_training_seed(seed), target, correction)
                for seed in seeds
                for target in OBJECTS
            ),
        )
