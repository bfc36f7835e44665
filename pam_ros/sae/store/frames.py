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


class ObservationPack:
    """Frames waiting to be written; images (H, W, 3) uint8 RGB are compressed as they come in."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all frames."""
        self._where: list[tuple[int, int]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._images: set[str] = set()
        self.nbytes = 0

    def add(self, episode: int, frame: int, observation: Observation) -> None:
        """Take the observation of a frame; all frames have the same features."""
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

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All frames: per image feature PNG bytes and where each ends; vectors stacked."""
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
        return arrays


def unpack_observations(
    arrays: Mapping[str, NDArray[Any]], chosen: Iterable[int]
) -> Iterator[tuple[int, int, dict[str, NDArray[Any]]]]:
    """(episode, frame, observation) of ObservationPack.arrays(), at the chosen places.

    Raises:
        ValueError, LookupError: the arrays do not belong together.
    """
    features = [f for f in arrays if f not in {"episode", "frame"} and not f.endswith(_END)]
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
        yield int(arrays["episode"][index]), int(arrays["frame"][index]), observation
