# SPDX-License-Identifier: Apache-2.0
"""The observations of a LeRobot dataset; an episode's number is its index there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.observations.errors import SourceError
from pam_ros.observations.source import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pam_ros.policy import Policy


class DatasetSource:
    """Every frame of a dataset's first episodes.

    Args:
        policy: whose features the dataset must have, in its sizes.
        name: the dataset's folder, or its hub id.
        episodes: how many, from the first; None for all.

    Raises:
        SourceError: there is no such dataset, it is empty, or lacks a feature of the policy.
    """

    def __init__(self, policy: Policy, name: str, episodes: int | None = None) -> None:
        # lerobot's datasets are slow to load, and simulator and bags do without them.
        from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: PLC0415

        folder = Path(name).expanduser()
        self._name = folder.name if folder.is_dir() else name
        try:
            # pyav reads videos without FFmpeg's shared libraries, which torchcodec needs.
            self._data: Any = (
                LeRobotDataset(f"local/{folder.name}", root=folder, video_backend="pyav")
                if folder.is_dir()
                else LeRobotDataset(name, video_backend="pyav")
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise SourceError(f"dataset {name} cannot be opened: {reason}") from error
        missing = [f for f in policy.spec.features if f not in self._data.features]
        if missing:
            have = ", ".join(sorted(self._data.features))
            raise SourceError(f"dataset {name} lacks {', '.join(missing)}: it has {have}")
        self._spec = policy.spec
        self._images = {camera.feature for camera in policy.spec.cameras}
        numbers = np.asarray(self._data.hf_dataset["episode_index"])
        keep = numbers.size if episodes is None else int((numbers < episodes).sum())
        self._episode = numbers[:keep]
        self._frame = np.asarray(self._data.hf_dataset["frame_index"])[:keep]
        if not keep:
            raise SourceError(f"dataset {name} holds no frame")

    @property
    def dataset(self) -> str:
        """For the provenance."""
        return f"LeRobot dataset {self._name}, episodes 0 to {int(self._episode[-1])}"

    @property
    def lengths(self) -> list[int]:
        """Frames of each episode."""
        return [int(count) for count in np.bincount(self._episode)]

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self._data.fps)

    @property
    def has_actions(self) -> bool:
        """Whether it says what was done."""
        return "action" in self._data.features

    def names(self, feature: str) -> list[str]:
        """What the dataset calls the entries of a vector; empty where it does not say."""
        names = self._data.features.get(feature, {}).get("names") or []
        if isinstance(names, dict):
            names = [name for group in names.values() for name in group]
        return [str(name) for name in names]

    def actions(self, episode: int) -> NDArray[np.float32] | None:
        """(frames, action_dim) as recorded, in the policy's units; None where it has none."""
        if not self.has_actions:
            return None
        rows = self._data.hf_dataset.select(np.flatnonzero(self._episode == episode))
        return np.stack([np.asarray(action, np.float32) for action in rows["action"]])

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source."""
        for index, where in enumerate(
            zip(self._episode.tolist(), self._frame.tolist(), strict=True)
        ):
            if after is not None and where <= after:
                continue
            try:
                item = self._data[index]
            except Exception as error:
                reason = " ".join(str(error).split())[:300] or type(error).__name__
                raise SourceError(
                    f"dataset {self._name}: frame {where[1]} of episode {where[0]} cannot be read: "
                    f"{reason}"
                ) from error
            yield Frame(*where, self._observation(item))

    def _observation(self, item: dict[str, Any]) -> dict[str, NDArray[Any]]:
        observation: dict[str, NDArray[Any]] = {}
        for feature in self._spec.features:
            value = item[feature].numpy()
            if feature in self._images:
                # lerobot gives (3, H, W) float from 0 to 1.
                value = np.rint(value * 255.0).astype(np.uint8).transpose(1, 2, 0)
            observation[feature] = np.ascontiguousarray(value)
        return observation
