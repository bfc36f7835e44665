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
    heat_cube               heat on the cube's cells, 1 being as much as on any others
    heat_distractor         the same of a distractor: the lower the better
    pointing                1 for a hit

Facts are pairs of the policy alone, whatever the map:

    cube_change             how far the chunk goes when the cube is taken away, normalised units
    distractor_change       how far when a distractor is
    distractor_share        the second as a share of the first
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.faithfulness.baselines import centre_bias, cube_cells
from pam_ros.faithfulness.cells import ranked
from pam_ros.faithfulness.curves import FRACTIONS, area, curves
from pam_ros.faithfulness.objects import changed, covered, heat, moved_by
from pam_ros.faithfulness.pointing import hits
from pam_ros.faithfulness.swap import swaps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.cells import Cells
    from pam_ros.faithfulness.perturbation import Replacement
    from pam_ros.faithfulness.probe import Chunks, Observation, Probe

    Values = Callable[[Observation], Mapping[str, NDArray[np.float64]]]

RANDOM = "random"
CENTRE = "centre"
CUBE = "cube"
RANDOM_DRAWS = 2


@dataclass(frozen=True)
class Moment:
    """What one probe gave.

    pairs: by method and measurement, (found, out of). points: by method and curve, its points and
    the distance of the fully replaced pictures. facts: by name, (found, out of).
    """

    episode: int
    moment: int
    pairs: Mapping[str, Mapping[str, tuple[float, float]]]
    points: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    facts: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def measure(
    probe: Probe,
    chunks: Chunks,
    values: Values,
    cells: Cells,
    replacements: Mapping[str, Replacement],
    *,
    baselines: bool = True,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
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
        fractions: shares of cells that are replaced, as `curves` takes them.
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
        whole = replace(probe.observation)
        results = curves(chunks, cells, probe.observation, whole, orders, fractions, replace.some)
        for name, parts in _grouped(orders).items():
            full = results[parts[0]].full
            deletion = np.mean([results[part].deletion for part in parts], axis=0)
            insertion = full - np.mean([results[part].insertion for part in parts], axis=0)
            for kind, curve in (("deletion", deletion), ("insertion", insertion)):
                pairs[name][f"{kind}_{word}"] = (area(curve, fractions), full)
                points[name][f"{kind}_{word}"] = (*map(float, curve), full)

    if probe.removed is not None:
        reference = {name: changed(cells, probe.observation, probe.removed) for name in seen}
        orders = _orders({**found, **fixed, **reference}, cells, numbers, draws)
        _swap(chunks, cells, probe.observation, probe.removed, orders, pairs, "removed")
    if probe.moved is not None:
        there = values(probe.moved)
        both = {name: found[name] + there[name] for name in found}
        reference = {name: changed(cells, probe.observation, probe.moved) for name in seen}
        orders = _orders({**both, **fixed, **reference}, cells, numbers, draws)
        _swap(chunks, cells, probe.observation, probe.moved, orders, pairs, "moved")

    hit = hits(cells, probe.cube) if probe.cube else None
    if hit is not None:
        if baselines:
            pairs[RANDOM]["pointing"] = (float(hit.mean()), 1.0)
        for name, row in {**found, **fixed}.items():
            pairs[name]["pointing"] = (float(hit[row == row.max()].mean()), 1.0)
    _heat(probe, cells, found, pairs)
    return Moment(probe.episode, probe.moment, pairs, points, _facts(probe, chunks))


def _heat(
    probe: Probe,
    cells: Cells,
    found: Mapping[str, NDArray[np.float64]],
    pairs: Mapping[str, dict[str, tuple[float, float]]],
) -> None:
    """Heat on the cube and on the distractor, of the methods alone: baselines have a rank only."""
    objects = {"heat_cube": covered(cells, probe.cube)} if probe.cube else {}
    if probe.undistracted is not None:
        objects["heat_distractor"] = changed(cells, probe.observation, probe.undistracted)
    for measurement, pixels in objects.items():
        if pixels.any():  # else no camera sees it
            for name, row in found.items():
                pairs[name][measurement] = heat(row, pixels > 0)


def _facts(probe: Probe, chunks: Chunks) -> dict[str, tuple[float, float]]:
    if probe.removed is None or probe.undistracted is None:
        return {}
    cube, distractor = map(
        float, moved_by(chunks, probe.observation, [probe.removed, probe.undistracted])
    )
    return {
        "cube_change": (cube, 1.0),
        "distractor_change": (distractor, 1.0),
        "distractor_share": (distractor, cube),
    }


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
