# SPDX-License-Identifier: Apache-2.0
"""What stands in for a cell's pixels: the blurred picture, or the mean of all pictures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Observation

BLUR = "blur"
MEAN = "mean"
REPLACEMENTS = (BLUR, MEAN)

BLUR_CELLS = 1.5
"""Standard deviation of the blur, in cells: an object of one cell's size leaves no shape behind."""


def blurred(observation: Observation, cells: Cells) -> dict[str, NDArray[Any]]:
    """The observation with each whole picture under a Gaussian of BLUR_CELLS cells."""
    result = dict(observation)
    for camera in cells.cameras:
        result[camera.feature] = cv2.GaussianBlur(
            np.ascontiguousarray(observation[camera.feature]),
            (0, 0),
            sigmaX=BLUR_CELLS * camera.dx,
            sigmaY=BLUR_CELLS * camera.dy,
            borderType=cv2.BORDER_REPLICATE,
        )
    return result


def mean_pictures(
    observations: Iterable[Observation], cells: Cells
) -> dict[str, NDArray[np.uint8]]:
    """The mean picture of each camera, pixel by pixel, by feature.

    Raises:
        AttentionError: there is no observation.
    """
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    for observation in observations:
        count += 1
        for camera in cells.cameras:
            picture = observation[camera.feature].astype(np.float64)
            sums[camera.feature] = sums.get(camera.feature, 0.0) + picture
    if count == 0:
        message = "a mean picture needs at least one observation"
        raise AttentionError(message)
    return {feature: np.rint(total / count).astype(np.uint8) for feature, total in sums.items()}


def with_pictures(
    observation: Observation, pictures: Mapping[str, NDArray[np.uint8]]
) -> dict[str, NDArray[Any]]:
    """The observation with these pictures in place of its own."""
    return {**observation, **pictures}


def replacements(
    words: Sequence[str], cells: Cells, pictures: Mapping[str, NDArray[np.uint8]]
) -> dict[str, Callable[[Observation], dict[str, NDArray[Any]]]]:
    """By word, what makes an observation with every cell replaced; pictures: the mean ones.

    Raises:
        AttentionError: a word that is not one of REPLACEMENTS.
    """
    known = {BLUR: partial(blurred, cells=cells), MEAN: partial(with_pictures, pictures=pictures)}
    for word in words:
        if word not in known:
            message = f"'{word}' replaces no cells: name {' or '.join(REPLACEMENTS)}"
            raise AttentionError(message)
    return {word: known[word] for word in words}
