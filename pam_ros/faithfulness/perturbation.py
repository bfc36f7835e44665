# SPDX-License-Identifier: Apache-2.0
"""What stands in for a cell's pixels.

    blur        the blurred picture
    mean        the mean of all pictures
    patches     the most ordinary patch of other episodes, at the same place
    inpaint     what inpainting makes of the pixels that are left
    road        ROAD's noisy linear imputation of them: a cross-check of the others

The first three take pixels of one other picture; for the last two it matters which cells are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.filling import flat, imputed, inpainted
from pam_ros.faithfulness.probe import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pam_ros.attention.layout import CameraTokens
    from pam_ros.faithfulness.cells import Cells

BLUR = "blur"
MEAN = "mean"
PATCHES = "patches"
INPAINT = "inpaint"
ROAD = "road"
OWN = (BLUR, MEAN, PATCHES, INPAINT)
"""Those of the measure; ROAD is what they are checked by."""
REPLACEMENTS = (*OWN, ROAD)

Spoil = Callable[[Observation, Observation, NDArray[np.bool_]], dict[str, NDArray[Any]]]
"""From an observation, the same with every cell replaced, and which cells shall be, (cells,)."""

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


@dataclass(frozen=True)
class Replacement:
    """One way to do without the pixels of cells.

    whole: makes the observation with every cell replaced. some: the one with some replaced.
    """

    whole: Callable[[Observation], dict[str, NDArray[Any]]]
    some: Spoil

    def __call__(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """The observation with every cell replaced."""
        return self.whole(observation)


def replacements(
    words: Sequence[str],
    cells: Cells,
    pictures: Mapping[str, NDArray[np.uint8]],
    elsewhere: Observation | None = None,
) -> dict[str, Replacement]:
    """By word, what replaces cells.

    Args:
        words: of REPLACEMENTS.
        cells: of the policy.
        pictures: the mean ones, by feature.
        elsewhere: pictures of patches of other episodes, by feature.

    Raises:
        AttentionError: a word that is none of REPLACEMENTS.
    """
    foreign = {c.feature: elsewhere[c.feature] for c in cells.cameras} if elsewhere else {}

    def pasted(others: Mapping[str, NDArray[np.uint8]]) -> Replacement:
        return Replacement(partial(with_pictures, pictures=others), cells.mix)

    known = {
        BLUR: Replacement(partial(blurred, cells=cells), cells.mix),
        MEAN: pasted(pictures),
        PATCHES: pasted(foreign),
        INPAINT: _filling(cells, lambda c, picture, gone: inpainted(picture, gone, (c.dy, c.dx))),
        ROAD: _filling(cells, lambda _, picture, gone: imputed(picture, gone)),
    }
    for word in words:
        if word not in known:
            message = f"'{word}' replaces no cells: name {' or '.join(REPLACEMENTS)}"
            raise AttentionError(message)
    return {word: known[word] for word in words}


def _filling(
    cells: Cells,
    fill: Callable[[CameraTokens, NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]],
) -> Replacement:
    """Fills what is gone from what is left; of a whole picture its mean colour is left."""

    def whole(observation: Observation) -> dict[str, NDArray[Any]]:
        pictures = {c.feature: flat(observation[c.feature]) for c in cells.cameras}
        return {**observation, **pictures}

    def some(
        observation: Observation, replaced: Observation, taken: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        del replaced
        pictures = {
            c.feature: fill(c, observation[c.feature], taken[cells.of_pixels(c.feature)])
            for c in cells.cameras
        }
        return {**observation, **pictures}

    return Replacement(whole, some)
