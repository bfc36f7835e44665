# SPDX-License-Identifier: Apache-2.0
"""Real pixels in place of a cell's: the most ordinary patch of other episodes at the same place.

One other episode's whole picture would bring an object of its own, such as a second cube, to a
place that no map of this picture can foresee; even the cells of the cube itself then hardly beat
the middle of the picture. So each cell takes, of all other episodes' patches at its place, the one
that is nearest to their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Observation, Probe


def ordinary(
    probes: Sequence[Probe], cells: Cells, pictures: Observation
) -> list[dict[str, NDArray[Any]]]:
    """For each probe, the pictures that its patches are taken from, by feature.

    Args:
        probes: of at least two episodes.
        cells: of the policy.
        pictures: the mean ones, by feature.
    """
    away = np.stack([_from_mean(probe.observation, cells, pictures) for probe in probes])
    episodes = np.array([probe.episode for probe in probes])
    found = []
    for episode in episodes:
        others = np.where((episodes == episode)[:, None], np.inf, away)
        found.append(_composed([p.observation for p in probes], cells, others.argmin(axis=0)))
    return found


def _from_mean(
    observation: Observation, cells: Cells, pictures: Observation
) -> NDArray[np.float64]:
    """The squared distance of each cell's pixels from the mean picture's, (cells,)."""
    total = np.zeros(cells.size)
    for camera in cells.cameras:
        feature = camera.feature
        difference = observation[feature].astype(np.float64) - pictures[feature]
        square = np.square(difference).sum(axis=-1).ravel()
        cell = cells.of_pixels(feature).ravel()
        total += np.bincount(cell, weights=square, minlength=cells.size)
    return total


def _composed(
    observations: Sequence[Observation], cells: Cells, chosen: NDArray[np.intp]
) -> dict[str, NDArray[Any]]:
    """Each cell's pixels from the observation of the number that is chosen for it, (cells,)."""
    result: dict[str, NDArray[Any]] = {}
    for camera in cells.cameras:
        feature = camera.feature
        source = chosen[cells.of_pixels(feature)]
        picture = np.empty_like(observations[0][feature])
        for number in np.unique(source):
            taken = source == number
            picture[taken] = observations[number][feature][taken]
        result[feature] = picture
    return result
