# SPDX-License-Identifier: Apache-2.0
"""Every measurement of one moment, for all methods at once.

A measurement is a pair: how much was found, and out of how much there was to find. An episode's
value is the sum of the first over its moments divided by that of the second, so that a moment in
which the pictures hardly matter weighs little. All values are higher for a better map, and
comparable between methods and episodes:

    deletion, insertion     area under the curve, relative to the distance of the fully replaced
                            pictures: 1 if the first cells make the whole difference, 0.5 for a
                            straight line
    removed, moved          share of the change between two renderings that a few cells explain
    pointing                1 for a hit
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.faithfulness.baselines import centre_bias, cube_cells
from pam_ros.faithfulness.cells import ranked
from pam_ros.faithfulness.curves import area, curves
from pam_ros.faithfulness.pointing import hits
from pam_ros.faithfulness.swap import swaps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.probe import Chunks, Observation, Probe

    Values = Callable[[Observation], Mapping[str, NDArray[np.float64]]]
    Replace = Callable[[Observation], Observation]

RANDOM = "random"
CENTRE = "centre"
CUBE = "cube"
RANDOM_DRAWS = 2


@dataclass(frozen=True)
class Moment:
    """What one probe gave, by method and measurement: (found, out of), and the curves' points."""

    episode: int
    moment: int
    pairs: Mapping[str, Mapping[str, tuple[float, float]]]
    points: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)


def measure(
    probe: Probe,
    chunks: Chunks,
    values: Values,
    cells: Cells,
    replacements: Mapping[str, Replace],
    *,
    baselines: bool = True,
    seed: int = 0,
) -> Moment:
    """Everything that can be measured at this moment.

    Args:
        probe: the moment.
        chunks: the policy.
        values: its maps of an observation, by method, (cells,) each.
        cells: its cells.
        replacements: what replaces cells, by its word in the measurements' names.
        baselines: measure random order, centre bias and the cube itself too.
        seed: of random orders and of ties. With the same seed a method's figures are the same
            whichever others are measured with it.
    """
    numbers = (seed, probe.episode, probe.moment)
    found = dict(values(probe.observation))
    fixed = {CENTRE: centre_bias(cells)} if baselines else {}
    seen = {CUBE: cube_cells(cells, probe)} if baselines and probe.cube else {}
    draws = RANDOM_DRAWS if baselines else 0
    orders = _orders({**found, **fixed, **seen}, cells, numbers, draws)
    pairs: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in _names(orders)}
    points: dict[str, dict[str, tuple[float, ...]]] = {name: {} for name in _names(orders)}

    for word, replace in replacements.items():
        results = curves(chunks, cells, probe.observation, replace(probe.observation), orders)
        for name, parts in _grouped(orders).items():
            full = results[parts[0]].full
            deletion = np.mean([results[part].deletion for part in parts], axis=0)
            insertion = full - np.mean([results[part].insertion for part in parts], axis=0)
            for kind, curve in (("deletion", deletion), ("insertion", insertion)):
                pairs[name][f"{kind}_{word}"] = (area(curve), full)
                points[name][f"{kind}_{word}"] = (*map(float, curve), full)

    if probe.removed is not None:
        reference = {name: _changed(cells, probe.observation, probe.removed) for name in seen}
        orders = _orders({**found, **fixed, **reference}, cells, numbers, draws)
        _swap(chunks, cells, probe.observation, probe.removed, orders, pairs, "removed")
    if probe.moved is not None:
        there = values(probe.moved)
        both = {name: found[name] + there[name] for name in found}
        reference = {name: _changed(cells, probe.observation, probe.moved) for name in seen}
        orders = _orders({**both, **fixed, **reference}, cells, numbers, draws)
        _swap(chunks, cells, probe.observation, probe.moved, orders, pairs, "moved")

    hit = hits(cells, probe.cube) if probe.cube else None
    if hit is not None:
        if baselines:
            pairs[RANDOM]["pointing"] = (float(hit.mean()), 1.0)
        for name, row in {**found, **fixed}.items():
            pairs[name]["pointing"] = (float(hit[row == row.max()].mean()), 1.0)
    return Moment(probe.episode, probe.moment, pairs, points)


def _orders(
    rows: Mapping[str, NDArray[np.float64]], cells: Cells, numbers: tuple[int, ...], draws: int
) -> dict[str, NDArray[np.intp]]:
    def own(name: str) -> np.random.Generator:
        return np.random.default_rng([*numbers, zlib.crc32(name.encode())])

    orders = {name: ranked(row, own(name)) for name, row in rows.items()}
    for draw in range(draws):
        name = f"{RANDOM}/{draw}"
        orders[name] = np.asarray(own(name).permutation(cells.size))
    return orders


def _grouped(orders: Mapping[str, NDArray[np.intp]]) -> dict[str, list[str]]:
    """By method, the names of its orders: several for the random one."""
    groups: dict[str, list[str]] = {}
    for name in orders:
        groups.setdefault(name.split("/", maxsplit=1)[0], []).append(name)
    return groups


def _names(orders: Mapping[str, NDArray[np.intp]]) -> list[str]:
    return list(_grouped(orders))


def _changed(cells: Cells, one: Observation, other: Observation) -> NDArray[np.float64]:
    """How many pixels of each cell differ between two renderings, (cells,)."""
    count = np.zeros(cells.size)
    for camera in cells.cameras:
        differs = (one[camera.feature] != other[camera.feature]).any(axis=-1)
        count += np.bincount(cells.of_pixels(camera.feature)[differs], minlength=cells.size)
    return count


def _swap(
    chunks: Chunks,
    cells: Cells,
    observation: Observation,
    other: Observation,
    orders: Mapping[str, NDArray[np.intp]],
    pairs: Mapping[str, dict[str, tuple[float, float]]],
    word: str,
) -> None:
    results = swaps(chunks, cells, observation, other, orders)
    for name, parts in _grouped(orders).items():
        change = results[parts[0]].change
        left = float(np.mean([results[part].left for part in parts]))
        pairs[name][word] = (change - left, change)
