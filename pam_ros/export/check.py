# SPDX-License-Identifier: Apache-2.0
"""Reads a finished dataset by lerobot and compares it with the recordings, read once more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.export.episodes import episodes
from pam_ros.export.errors import ExportError
from pam_ros.export.features import numbers_of
from pam_ros.export.frames import BagFrames
from pam_ros.export.lerobot_writer import open_dataset
from pam_ros.export.result import BagCheck

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.export.frames import Frame
    from pam_ros.export.result import BagReport
    from pam_ros.export.settings import ExportSettings

PICTURES = 64
"""Of each episode and camera so many are compared, the first and the last among them."""


def check_bag(
    root: Path,
    report: BagReport,
    bag: Path,
    first_episode: int,
    settings: ExportSettings,
    work: Path,
) -> BagCheck:
    """Compare the episodes of one recording with what lerobot reads of them.

    Args:
        root: of the dataset.
        report: of the recording.
        bag: the recording.
        first_episode: the number in the dataset of the recording's first episode.
        settings: of the export.
        work: a folder for the copy of a damaged bag.

    Raises:
        ExportError: a stamp, state or action is not what it was, or a frame is missing.
    """
    dataset = open_dataset(root)
    source = BagFrames(bag, settings, work)
    pictures = [camera.feature for camera in source.contract.cameras]
    frames, psnr = 0, []
    try:
        for episode in episodes(source):
            told = report.episodes[episode.number]
            row = int(dataset.meta.episodes[first_episode + episode.number]["dataset_from_index"])
            chosen = set(np.linspace(0, told.frames - 1, PICTURES).round().astype(int).tolist())
            numbers = _Numbers(dataset, row, told.frames)
            for place, frame in enumerate(episode.frames):
                numbers.check(place, frame, first_episode + episode.number)
                frames += 1
                if place in chosen:
                    psnr += _pictures(_item(dataset, row + place), frame, pictures)
    finally:
        source.close()
    if frames != report.frames:
        raise ExportError(f"bag {bag} gave {report.frames} frames, and gives {frames} now")
    return BagCheck(frames, tuple(psnr))


class _Numbers:
    """The vectors of one episode, as lerobot has them."""

    def __init__(self, dataset: Any, row: int, count: int) -> None:
        names = [
            name for name, f in dataset.features.items() if f["dtype"] not in {"image", "video"}
        ]
        columns = dataset.hf_dataset.select_columns(names).with_format("numpy")
        self._rows: dict[str, NDArray[Any]] = columns[row : row + count]
        self._tasks = dataset.meta.tasks
        self._fps = dataset.fps

    def check(self, place: int, frame: Frame, episode: int) -> None:
        wanted = numbers_of(frame)
        wanted["episode_index"] = np.asarray(episode)
        wanted["frame_index"] = np.asarray(place)
        wanted["timestamp"] = np.asarray(place / self._fps, np.float32)
        for name, value in wanted.items():
            found = self._rows[name]
            if place >= len(found) or not np.array_equal(found[place], value):
                raise ExportError(
                    f"the dataset does not read back: {name} of frame {place} in episode {episode} "
                    f"is {found[place] if place < len(found) else 'missing'}, not {value}"
                )
        task = self._tasks.index[int(self._rows["task_index"][place])]
        if task != frame.task:
            raise ExportError(
                f"the dataset does not read back: the task of episode {episode} is '{task}'"
            )


def _item(dataset: Any, row: int) -> dict[str, Any]:
    try:
        item: dict[str, Any] = dataset[row]
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ExportError(
            f"the dataset does not read back: lerobot does not give row {row}: {reason}"
        ) from error
    return item


def _pictures(item: dict[str, Any], frame: Frame, features: Sequence[str]) -> list[float]:
    return [
        psnr_db(
            np.rint(item[feature].numpy() * 255.0).transpose(1, 2, 0), frame.observation[feature]
        )
        for feature in features
    ]


def psnr_db(found: NDArray[Any], wanted: NDArray[np.uint8]) -> float:
    """Peak signal to noise of two pictures (H, W, 3) of 0 to 255 [dB]; inf if they are equal."""
    error = float(np.mean((found.astype(np.float64) - wanted) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255.0**2 / error)
