# SPDX-License-Identifier: Apache-2.0
"""The observations of a LeRobot dataset; an episode's number is its index there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.observations.dataset_contract import as_recorded, made_contract
from pam_ros.observations.dataset_format import one_line, open_dataset, with_codec
from pam_ros.observations.errors import SourceError
from pam_ros.observations.names import match_features, vector_names
from pam_ros.observations.reading import Reading
from pam_ros.observations.source import Frame
from pam_ros.observations.stamp_columns import STAMP, stamp_of
from pam_ros.observations.topics import bound_contract
from pam_ros.policy.renames import renames_for
from pam_ros.robot.joints import to_rad
from pam_ros.robot.observation import Observation
from pam_ros.robot.resizing import fit, source_region

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from pam_ros.policy import Policy
    from pam_ros.robot.contract import Contract

_SECOND = 1_000_000_000
_ACTION = "action"


class DatasetSource:
    """Every frame of a dataset's first episodes.

    `notes` says what of it cannot be used, or looks odd. Pictures may have any size: they are
    resized to the policy's.

    Args:
        policy: whose features the dataset must have; vectors in its sizes.
        name: the dataset's folder, or its hub id.
        episodes: how many, from the first; None for all.
        reading: the contract and the features' names, where the policy's are others.

    Raises:
        SourceError: there is no such dataset, it is empty, or a feature of the policy is missing or
            of another size.
        ContractError: the contract does not fit the policy.
    """

    def __init__(
        self,
        policy: Policy,
        name: str,
        episodes: int | None = None,
        reading: Reading | None = None,
    ) -> None:
        reading = reading or Reading()
        folder = Path(name).expanduser()
        self._name = folder.name if folder.is_dir() else name
        self.notes: list[str] = []
        self._spec = policy.spec
        self._data: Any = open_dataset(name)
        what = f"dataset {name}"
        known = set(self._data.features)
        rename = renames_for(policy.spec, known, reading.rename)
        self._names = match_features(policy.spec.features, known, rename, what)
        self._check_sizes(what)
        self.contract = self._contract(reading)
        self._note_shapes()
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

    def lengths(self) -> Mapping[int, int]:
        """Frames of each episode."""
        return {number: int(count) for number, count in enumerate(np.bincount(self._episode))}

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self._data.fps)

    @property
    def has_actions(self) -> bool:
        """Whether it says what was done, in as many values as the policy gives."""
        return self._size(_ACTION) == self._spec.action_dim

    def actions(self, episode: int) -> NDArray[np.float32] | None:
        """(frames, action_dim) as recorded, in the policy's units; None where it has none."""
        if not self.has_actions:
            return None
        rows = self._data.hf_dataset.select(np.flatnonzero(self._episode == episode))
        return np.stack([np.asarray(action, np.float32) for action in rows[_ACTION]])

    def tasks(self, episode: int) -> list[str]:
        """What each frame of an episode was recorded for; empty texts where nothing says."""
        rows = np.flatnonzero(self._episode == episode)
        if "task_index" not in self._data.features:
            return [""] * len(rows)
        texts = {int(row.task_index): str(text) for text, row in self._data.meta.tasks.iterrows()}
        numbers = self._data.hf_dataset.select_columns(["task_index"])[rows]["task_index"]
        return [texts.get(int(number), "") for number in numbers]

    def stamps(self, source: str) -> NDArray[np.int64] | None:
        """(frames,) the recorded stamps [ns] of a source; None if the dataset has none."""
        name = STAMP + source
        if name not in self._data.features:
            return None
        pairs = self._data.hf_dataset.select_columns([name])[: self._episode.size][name]
        return np.array([stamp_of(pair) for pair in pairs], np.int64)

    def frames(self, after: tuple[int, int] | None) -> Iterator[Frame]:
        """See Source."""
        places = self._places()
        yield from self._read(
            index for index, place in enumerate(places) if after is None or place > after
        )

    def chosen(self, places: Collection[tuple[int, int]]) -> Iterator[Frame]:
        """See RecordedSource."""
        yield from self._read(
            index for index, place in enumerate(self._places()) if place in places
        )

    def episode(self, number: int) -> Iterator[Frame]:
        """The frames of one episode."""
        yield from self._read(int(index) for index in np.flatnonzero(self._episode == number))

    def _places(self) -> Iterable[tuple[int, int]]:
        return zip(self._episode.tolist(), self._frame.tolist(), strict=True)

    def _read(self, indices: Iterable[int]) -> Iterator[Frame]:
        for index in indices:
            where = int(self._episode[index]), int(self._frame[index])
            try:
                item = self._data[index]
            except Exception as error:
                raise SourceError(
                    f"dataset {self._name}: frame {where[1]} of episode {where[0]} cannot be read: "
                    f"{with_codec(one_line(error))}"
                ) from error
            whole = self._observation(item)
            stamp = round(where[1] * _SECOND / self.fps)
            task = str(item.get("task", ""))
            yield Frame(*where, whole.features, stamp_ns=stamp, task=task, whole=whole)

    def _observation(self, item: Mapping[str, Any]) -> Observation:
        """What a live node would have made of a frame, whose vectors are in the policy's units."""
        values = {ours: item[theirs].numpy() for ours, theirs in self._names.items()}
        features: dict[str, NDArray[Any]] = {}
        sources, regions = {}, {}
        for camera in self.contract.cameras:
            # lerobot gives (3, H, W) float from 0 to 1.
            picture = np.rint(values[camera.feature] * 255.0).astype(np.uint8).transpose(1, 2, 0)
            rgb = np.ascontiguousarray(picture)
            sources[camera.name] = rgb
            regions[camera.name] = source_region(camera, rgb.shape[0], rgb.shape[1])
            features[camera.feature] = fit(camera, rgb)
        state, environment = self._spec.state_feature, self._spec.environment_feature
        for feature in (state, environment):
            if feature is not None:
                features[feature] = np.asarray(values[feature], np.float32).reshape(-1)
        return Observation(features, sources, regions, self._measured(features))

    def _measured(self, features: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Where the commanded joints stand [rad]; zero where the data set does not say."""
        state, command = self.contract.state, self.contract.command
        at: dict[str, float] = {}
        if state.feature is not None:
            names = [joint.name for joint in state.joints]
            values = to_rad(features[state.feature], state.joints).tolist()
            at = dict(zip(names, values, strict=True))
        return np.array([at.get(joint.name, 0.0) for joint in command.joints], np.float64)

    def _contract(self, reading: Reading) -> Contract:
        if reading.contract:
            return as_recorded(bound_contract(reading, self._spec, self._data.features))
        names = {feature: self._vector(self._names[feature]) for feature in self._names}
        names[_ACTION] = self._vector(_ACTION)
        return made_contract(self._name, self.fps, self._spec, names)

    def _vector(self, feature: str) -> list[str]:
        return vector_names(self._data.features.get(feature, {}).get("names"))

    def _size(self, feature: str) -> int:
        """How many values a vector of the data set has; 0 where there is none."""
        shape = self._data.features.get(feature, {}).get("shape", ())
        return int(np.prod(shape)) if len(shape) else 0

    def _check_sizes(self, what: str) -> None:
        spec = self._spec
        for camera in spec.cameras:
            name = self._names[camera.feature]
            if self._data.features[name]["dtype"] not in {"image", "video"}:
                raise SourceError(
                    f"{what}: {name} is no picture; the policy's {camera.feature} is one"
                )
        for feature, size in (
            (spec.state_feature, spec.state_dim),
            (spec.environment_feature, spec.environment_dim),
        ):
            if feature is not None and self._size(self._names[feature]) != size:
                name = self._names[feature]
                raise SourceError(
                    f"{what}: {name} has {self._size(name)} values; the policy's {feature} has "
                    f"{size}"
                )
        actions = self._size(_ACTION)
        if actions not in {0, spec.action_dim}:
            self.notes.append(
                f"{what}: recorded actions are left out: they have {actions} values, the policy's "
                f"{spec.action_dim}"
            )

    def _note_shapes(self) -> None:
        """Say where resizing changes a picture's shape: the policy sees it squashed."""
        for camera in self.contract.cameras:
            feature = self._data.features[self._names[camera.feature]]
            size = dict(zip(feature.get("names") or (), feature["shape"], strict=False))
            height, width = size.get("height", 0), size.get("width", 0)
            target = camera.target
            if target is None or not height or not width:
                continue
            if abs(height * target.width - width * target.height) > max(width, target.width):
                self.notes.append(
                    f"{self._names[camera.feature]} is {height}x{width} (height x width) and is "
                    f"squashed to the policy's {target.height}x{target.width}"
                )
