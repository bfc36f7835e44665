# SPDX-License-Identifier: Apache-2.0
"""Moments of the episodes in a LeRobotDataset, for a policy that the simulator does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.faithfulness.probe import Probe
from pam_ros.sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MOMENTS = (25, 50)
"""Percent of an episode's frames."""


def dataset_probes(root: Path, spec: Any, first: int, episodes: int) -> Iterator[Probe]:
    """Two probes of each of `episodes` episodes, from number `first` on.

    spec: the policy's PolicySpec; the dataset has to have its features, in its sizes.

    Raises SimError when there is no such dataset, an episode too few, or a feature that is missing.
    """
    dataset = _open(root)
    missing = [feature for feature in spec.features if feature not in dataset.features]
    if missing:
        raise SimError(f"{root} has no {missing[0]}, which {spec.name} reads")
    numbers = np.asarray(dataset.hf_dataset.with_format("numpy")["episode_index"])
    if first + episodes > dataset.num_episodes:
        raise SimError(
            f"{root} has {dataset.num_episodes} episodes: {episodes} from number {first} on are "
            "too many"
        )
    for episode in range(first, first + episodes):
        frames = np.flatnonzero(numbers == episode)
        for percent in MOMENTS:
            item = dataset[int(frames[len(frames) * percent // 100])]
            observation = {feature: _array(item[feature]) for feature in spec.features}
            yield Probe(episode, percent, observation)


def _open(root: Path) -> Any:
    if not (root / "meta" / "info.json").is_file():
        raise SimError(f"{root} holds no LeRobotDataset: it has no meta/info.json")
    from pam_ros.sim.training.lerobot_api import LeRobotDataset  # noqa: PLC0415  (slow to load)

    try:
        # Without pictures being decoded by torchcodec, which needs FFmpeg's libraries.
        return LeRobotDataset(repo_id=f"local/{root.name}", root=root, video_backend="pyav")
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SimError(f"lerobot cannot open the dataset in {root}: {reason}") from error


def _array(tensor: Any) -> NDArray[Any]:
    """Pictures (3, H, W) in [0, 1] to (H, W, 3) uint8; vectors to float32."""
    array = np.asarray(tensor)
    if array.ndim != 3:
        return np.asarray(array, dtype=np.float32)
    return np.ascontiguousarray(np.rint(array.transpose(1, 2, 0) * 255).astype(np.uint8))
