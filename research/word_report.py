# SPDX-License-Identifier: Apache-2.0
"""The views' scores: the best chosen on one half of the scenes, and reported on the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.maps import ROLLOUT
from pam_ros.attention.selection import METHODS
from pam_ros.sim.scene import OBJECTS
from research.word_scores import Score, margins, named_is_strongest, score
from research.word_views import ONCE, View, node_shows, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bench.estimates import Estimate
    from pam_ros.policy.interface import PolicySpec

RANDOM, CENTRE = "random map", "centre of the picture"
CHANCE = 1 / len(OBJECTS)
CHOOSING = 0
"""Which of the cameras the choice goes by."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        scores: by view and camera, on the second half of the scenes; a camera that never sees all
            objects there is left out.
        cameras: their names, the one that was chosen by first.
        rows: the views of the table: of each layer the mean and the best, then what is beside.
        best: of all weights but rollout.
        best_shown: the best that the node's parameters choose.
        spec: of the policy.
    """

    scores: Mapping[View, Mapping[str, Score]]
    cameras: tuple[str, ...]
    rows: tuple[tuple[View, str], ...]
    best: View
    best_shown: View
    spec: PolicySpec

    def following(self) -> dict[tuple[str, int], tuple[int, int]]:
        """By method and layer: how many of its views follow the words, and of how many.

        A view does if the whole interval of `named` is above chance with the first camera. A margin
        above 0 alone may be far too small to be seen.
        """
        found: dict[tuple[str, int], tuple[int, int]] = {}
        for view, cameras in self.scores.items():
            if view.method in METHODS:
                follow, views = found.get((view.method, view.layer), (0, 0))
                above = cameras[self.cameras[0]].named.low > CHANCE
                found[view.method, view.layer] = follow + above, views + 1
        return found

    def content(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "best": {**self.best._asdict(), "said": parameters(self.best, self.spec)},
            "best_shown": {
                **self.best_shown._asdict(),
                "said": parameters(self.best_shown, self.spec),
            },
            "following": [[*key, *counts] for key, counts in self.following().items()],
            "views": [
                {
                    **view._asdict(),
                    **{camera: asdict(each) for camera, each in cameras.items()},
                }
                for view, cameras in self.scores.items()
            ],
        }


def report(
    shares: Mapping[View, Mapping[str, NDArray[np.floating]]],
    spec: PolicySpec,
    cameras: Sequence[str],
) -> Report:
    """Choose on the first half of the scenes, and score on the second.

    Args:
        shares: by view and camera, (scenes, moments, N told, N objects).
        spec: of the policy.
        cameras: their names; the choice goes by the first.

    Raises:
        ValueError: a half without a picture in which the first camera sees all objects.
    """
    first = cameras[CHOOSING]
    half = len(next(iter(shares.values()))[first]) // 2
    before = {view: of[first][:half] for view, of in shares.items()}
    scores: dict[View, dict[str, Score]] = {}
    for view, of in shares.items():
        after = {camera: of[camera][half:] for camera in cameras}
        scores[view] = {
            camera: score(values)
            for camera, values in after.items()
            if camera == first or np.isfinite(values).all(axis=3).any()
        }
    weights = [view for view in shares if view.method in METHODS]
    raw = [view for view in weights if view.method != ROLLOUT]
    rows = []
    for method, layer in dict.fromkeys((view.method, view.layer) for view in weights):
        of_layer = [view for view in weights if (view.method, view.layer) == (method, layer)]
        plain = _plain(of_layer, spec)
        rows.append((plain, ""))
        if (chosen := best_of(of_layer, before)) != plain:
            rows.append((chosen, "chosen"))
    rows += [(view, "") for view in shares if view not in weights]
    return Report(
        scores=scores,
        cameras=tuple(cameras),
        rows=tuple(rows),
        best=best_of(raw, before),
        best_shown=best_of([view for view in raw if node_shows(view)], before),
        spec=spec,
    )


def best_of(views: Iterable[View], shares: Mapping[View, NDArray[np.floating]]) -> View:
    """Where the named object is the strongest most often; of equals that of the largest margin."""

    def rank(view: View) -> tuple[float, float]:
        named, margin = named_is_strongest(shares[view]), margins(shares[view])
        return float(np.nanmean(named)), float(np.nanmean(margin))

    return max(views, key=rank)


def table(found: Report) -> str:
    """The rows as a Markdown table, and which view is the best."""
    heads = [f"{camera}: {what}" for camera in found.cameras
             for what in ("named is strongest", "margin", "changes")]  # fmt: skip
    lines = [f"| view | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for view, mark in found.rows:
        cells = []
        for camera in found.cameras:
            each = found.scores[view].get(camera)
            cells += ["", "", ""] if each is None else _cells(each)
        name = f"{view} *(chosen)*" if mark else str(view)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = found.cameras[0]
    scenes = {
        camera: found.scores[found.best][camera].scenes
        for camera in found.cameras
        if camera in found.scores[found.best]
    }
    follow = [
        f"{method} layer {layer}: {above} of {views}"
        for (method, layer), (above, views) in found.following().items()
    ]
    lines += [
        "",
        "scenes that count: " + ", ".join(f"{name} {count}" for name, count in scenes.items()),
        f"views that follow the words with {first}: {', '.join(follow)}",
        f"the best view is {found.best}: {parameters(found.best, found.spec)}",
    ]
    if found.best_shown != found.best:
        shown = parameters(found.best_shown, found.spec)
        lines.append(f"the best that parameters choose is {found.best_shown}: {shown}")
    return "\n".join(lines)


def _plain(views: Sequence[View], spec: PolicySpec) -> View:
    """The mean over heads and reading tokens, of the last step."""
    last = {ONCE, spec.denoising_steps - 1}
    return next(view for view in views if view.head is None and view.step in last)


def _cells(each: Score) -> list[str]:
    return [_percent(each.named), _percent(each.margin, 1), _percent(each.changed)]


def _percent(estimate: Estimate, digits: int = 0) -> str:
    ends = estimate.value, estimate.low, estimate.high
    # Nothing is added to what rounds to it: -0 is written as 0.
    value, low, high = (f"{round(100 * each, digits) + 0.0:.{digits}f}" for each in ends)
    return f"{value}% ({low} to {high})"
