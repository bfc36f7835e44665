# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as training batches.

The pictures stay in memory as the PNG files that they are in the dataset (8 kB each, where the
pixels take 230 kB) and are decoded when a batch asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


RESTING = 0.03
"""An arm that should move no joint by more than this has arrived, radians."""


@dataclass(frozen=True)
class Batch:
    """What one training step sees; B samples, C cameras in the order of CAMERA_NAMES.

    images: (B, C, height, width, 3) uint8 RGB. state: (B, 6) float32, radians.
    actions: (B, chunk, 6) float32, radians.
    cube: (B, C, 3) float32: column and row in pixels of `images`, depth in metres.
    """

    images: NDArray[np.uint8]
    state: NDArray[np.float32]
    actions: NDArray[np.float32]
    cube: NDArray[np.float32]


class Episodes:
    """The frames of one or more LeRobotDatasets recorded by `pam_ros.sim.training.dataset`.

    Raises SimError when a folder holds no such dataset.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._png: dict[str, list[bytes]] = {camera: [] for camera in CAMERA_NAMES}
        state, action, episode = [], [], []
        cube: dict[str, list[NDArray[np.float32]]] = {camera: [] for camera in CAMERA_NAMES}
        offset = 0
        for root in roots:
            files = sorted((root / "data").rglob("*.parquet"))
            if not files:
                raise SimError(f"{root} holds no LeRobotDataset: it has no data/**/*.parquet")
            last = -1
            for file in files:
                table = pq.read_table(file)
                for camera in CAMERA_NAMES:
                    images = table[f"observation.images.{camera}"].to_pylist()
                    self._png[camera].extend(image["bytes"] for image in images)
                    cube[camera].append(column(table, f"cube_in_{camera}"))
                state.append(column(table, "observation.state"))
                action.append(column(table, "action"))
                numbers = np.array(table["episode_index"].to_pylist())
                last = max(last, int(numbers.max()))
                episode.append(numbers + offset)
            offset += last + 1
        self.state = np.concatenate(state)
        self.action = np.concatenate(action)
        self.episode = np.concatenate(episode)
        self._cube = np.stack([np.concatenate(cube[camera]) for camera in CAMERA_NAMES], axis=1)
        ends = np.flatnonzero(np.append(self.episode[1:] != self.episode[:-1], True))
        self._end = ends[self.episode]

    def __len__(self) -> int:
        return len(self.episode)

    def images(self, index: int, width: int = IMAGE_WIDTH) -> NDArray[np.uint8]:
        """The pictures of a frame, (C, height, width, 3) uint8 RGB, at the given width."""
        return np.stack([decode(self._png[camera][index], width) for camera in CAMERA_NAMES])

    def batch(self, indices: NDArray[np.int64], chunk: int, width: int) -> Batch:
        """The samples at `indices`, each with the `chunk` actions from there on.

        Every episode ends at the goal, where the expert stays: its last action goes on after the
        end. Without that, nothing would teach the policy the later actions of a resting arm.
        """
        future = indices[:, None] + np.arange(chunk)
        end = self._end[indices][:, None]
        cube = self._cube[indices].copy()
        # Numbers are pixel centres: column 0 of the half-size picture is 0.5 of the full size.
        scale = width / IMAGE_WIDTH
        cube[..., :2] = (cube[..., :2] + 0.5) * scale - 0.5
        return Batch(
            images=np.stack([self.images(int(index), width) for index in indices]),
            state=self.state[indices],
            actions=self.action[np.minimum(future, end)],
            cube=cube,
        )

    def sampling_weights(self) -> NDArray[np.float64]:
        """Probabilities (frames,) that show an arm on its way twice as often as one that rests."""
        moving = np.abs(self.action - self.state).max(axis=1) > RESTING
        weights = np.where(moving, 2.0 / max(1, moving.sum()), 1.0 / max(1, (~moving).sum()))
        return np.asarray(weights / weights.sum(), dtype=np.float64)


def column(table: object, name: str) -> NDArray[np.float32]:
    """A column of a Parquet table, (rows, ...) float32."""
    return np.array(table[name].to_pylist(), dtype=np.float32)  # type: ignore[index]


def decode(png: bytes, width: int) -> NDArray[np.uint8]:
    """The picture of a PNG file, (height, width, 3) uint8 RGB, scaled down to the width.

    Raises SimError when it is not a PNG file.
    """
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SimError("the dataset holds a picture that is not a PNG file")
    if image.shape[1] != width:
        height = round(image.shape[0] * width / image.shape[1])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(image[..., ::-1], dtype=np.uint8)
