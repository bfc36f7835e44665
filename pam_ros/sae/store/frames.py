# SPDX-License-Identifier: Apache-2.0
"""Observations as flat arrays: images as PNG, so that the same pixels come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    Observation = Mapping[str, NDArray[np.generic]]

_END = ".png_end"
_WORDS, _WORDS_END = "instruction", "instruction.end"
"""UTF-8 of what was said at each frame, and where each ends; no robot's feature is called so."""
_NO_FEATURES = {"episode", "frame", _WORDS, _WORDS_END}


class ObservationPack:
    """Frames waiting to be written; images (H, W, 3) uint8 RGB are compressed as they come in."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all frames."""
        self._where: list[tuple[int, int]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._images: set[str] = set()
        self._words: list[bytes] = []
        self.nbytes = 0

    def add(self, episode: int, frame: int, observation: Observation, task: str = "") -> None:
        """Take the observation of a frame; all frames have the same features.

        task: what a policy that reads words was told; empty: nothing.
        """
        parts: dict[str, NDArray[Any]] = {}
        for feature, value in observation.items():
            part = np.array(value)
            if part.ndim == 3:
                self._images.add(feature)
                part = cv2.imencode(".png", np.ascontiguousarray(part[..., ::-1]))[1].ravel()
            parts[feature] = part
        # Only now, so that a frame that cannot be compressed is in no list.
        for feature, part in parts.items():
            self._parts.setdefault(feature, []).append(part)
            self.nbytes += part.nbytes
        self._where.append((episode, frame))
        self._words.append(task.encode("utf-8", "replace"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All frames: per image feature PNG bytes and where each ends; vectors stacked.

        Words, where there are any, are as pictures: UTF-8, and where each frame's end.
        """
        where = np.array(self._where, np.int32).reshape(-1, 2)
        arrays: dict[str, NDArray[Any]] = {
            "episode": where[:, 0].copy(),
            "frame": where[:, 1].copy(),
        }
        for feature, parts in self._parts.items():
            if feature in self._images:
                arrays[feature] = np.concatenate(parts)
                arrays[feature + _END] = np.cumsum([part.size for part in parts]).astype(np.int64)
            else:
                arrays[feature] = np.stack(parts)
        if any(self._words):
            arrays[_WORDS] = np.frombuffer(b"".join(self._words), np.uint8).copy()
            arrays[_WORDS_END] = np.cumsum([len(one) for one in self._words]).astype(np.int64)
        return arrays


def unpack_observations(
    arrays: Mapping[str, NDArray[Any]], chosen: Iterable[int]
) -> Iterator[tuple[int, int, dict[str, NDArray[Any]], str]]:
    """(episode, frame, observation, task) of ObservationPack.arrays(), at the chosen places.

    Raises:
        ValueError, LookupError: the arrays do not belong together.
    """
    features = [f for f in arrays if f not in _NO_FEATURES and not f.endswith(_END)]
    for index in chosen:
        observation = {}
        for feature in features:
            if feature + _END in arrays:
                ends = arrays[feature + _END]
                begin = int(ends[index - 1]) if index else 0
                png = arrays[feature][begin : int(ends[index])]
                image = cv2.imdecode(png, cv2.IMREAD_COLOR) if png.size else None
                if image is None:
                    raise ValueError(f"frame {index} of {feature} is no PNG")
                observation[feature] = np.ascontiguousarray(image[..., ::-1])
            else:
                observation[feature] = arrays[feature][index]
        place = int(arrays["episode"][index]), int(arrays["frame"][index])
        yield *place, observation, _words(arrays, index)


def _words(arrays: Mapping[str, NDArray[Any]], index: int) -> str:
    if _WORDS_END not in arrays:
        return ""
    ends = arrays[_WORDS_END]
    begin = int(ends[index - 1]) if index else 0
    return bytes(arrays[_WORDS][begin : int(ends[index])]).decode("utf-8", "replace")
