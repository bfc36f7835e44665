# SPDX-License-Identifier: Apache-2.0
"""What the page is told: curves, moments and figures as plain JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.words import words_of
from pam_ros.bags.canvas import DIMMED
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.groups import shares as other_shares
from pam_ros.show.report.features import most_active
from pam_ros.show.report.frames import frame_times
from pam_ros.show.report.further import common_target, targets_payload
from pam_ros.show.report.heat import colours
from pam_ros.show.report.held import first_map, shown_maps
from pam_ros.show.report.joints import CHUNK, COMMANDED, PREDICTED
from pam_ros.show.report.looks import looks
from pam_ros.show.report.moments import moments
from pam_ros.show.report.numbers import numbers
from pam_ros.show.report.tick import of_map

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.message_types.pam_ros import TokenGroup
    from pam_ros.show.report.features import Features
    from pam_ros.show.report.frames import Mosaic
    from pam_ros.show.report.heat import PackedHeat
    from pam_ros.show.report.joints import JointSeries
    from pam_ros.show.report.recording import Recording

_MS = 1e3
# A command this far from the plan's moment is not the one that answers it.
_BESIDE_S = 0.5
_SAMPLE_S = 1 / 31


def payload(
    recording: Recording,
    mosaic: Mosaic,
    heat: PackedHeat,
    further: Sequence[PackedHeat],
    losses: Sequence[str],
    head: Mapping[str, str],
) -> dict[str, Any]:
    """Everything but the video and the cells; `further` packs recording.further."""
    times = frame_times(recording)
    first = recording.ticks[0].time_s
    cameras = list(heat.grids)
    features = most_active(recording, cameras)
    curves = _curves(recording, features)
    joints = _joints(recording, first)
    gap = _command_gap(recording)
    curves["gap"] = gap
    return {
        "name": recording.name,
        "heading": dict(head),
        # Of the first tick's stamp: recordings of the same moments are laid over each other by it.
        "start": stamp_nanoseconds(recording.ticks[0].message.header.stamp) / 1e9,
        "policy": _policy(recording),
        "looks": looks(recording.ticks),
        "times": [round(float(time), 3) for time in times],
        "ticks": [int(tick.message.tick) for tick in recording.ticks],
        "episodes": [int(tick.message.episode) for tick in recording.ticks],
        "reasons": {
            str(index): str(tick.message.invalid_reason) or "no map"
            for index, tick in enumerate(recording.ticks)
            if not tick.message.valid
        },
        "stale": [
            {name: not at.exact for name, at in found.items() if not at.exact}
            if any(not at.exact for at in found.values())
            else None
            for found in recording.pictures
        ],
        # Which tick's map is shown at each tick, dimmed if it is not its own; null: none.
        "maps": shown_maps(recording.ticks),
        "first": first_map(recording.ticks),
        "dimmed": DIMMED,
        "frame": {"width": mosaic.width, "height": mosaic.height},
        "cameras": [
            {
                "name": name,
                "panel": next((vars(p) for p in mosaic.panels if p.camera == name), None),
                "pictures": name in recording.camera_topics,
                "grids": [vars(grid) for grid in heat.grids[name]],
            }
            for name in cameras
        ],
        "heat": {
            "units": numbers(heat.units, 6),
            "scales": numbers(heat.full_scales, 6),
            "alpha": DRAWING.alpha,
            "border": DRAWING.border,
            "colours": colours().reshape(-1).tolist(),
        },
        "curves": {name: numbers(values) for name, values in curves.items() if values is not None},
        "shares": _shares(recording, cameras),
        # What the ticks' own maps explain, and the further targets that have maps.
        "target": common_target(recording.ticks),
        "targets": targets_payload(recording.further, further, cameras),
        "words": payload_words(recording),
        "joints": joints,
        "chunks": _chunks(recording),
        "features": _features(features),
        "moments": [vars(moment) for moment in moments(recording, cameras, curves, features)],
        "topics": [
            {"name": topic.name, "type": topic.type, "count": topic.count}
            for topic in sorted(recording.topics.values(), key=lambda topic: topic.name)
        ],
        "notes": [*losses, *recording.notes, *filter(None, [recording.features_note])],
    }


def _policy(recording: Recording) -> dict[str, str]:
    message = next((t.message for t in recording.ticks if t.message.valid), None)
    message = message if message is not None else recording.ticks[0].message
    names = ("policy_name", "policy_sha256", "chunk_mode")
    return {name: str(getattr(message, name)) for name in names}


def _shares(recording: Recording, cameras: Sequence[str]) -> dict[str, list[float | None]]:
    """Each camera's, then the other tokens', where the policy has them."""
    shares = {
        name: [
            next((c.share for c in tick.cameras if c.name == name), math.nan)
            for tick in recording.ticks
        ]
        for name in cameras
    }
    of_ticks = [other_shares(tick.message) for tick in recording.ticks]
    for name in dict.fromkeys(name for found in of_ticks for name in found):
        values = [
            of_map(tick, found.get(name, math.nan))
            for tick, found in zip(recording.ticks, of_ticks, strict=True)
        ]
        if any(math.isfinite(value) for value in values):
            shares[name.replace("_", " ")] = values
    return {label: numbers(np.array(values)) for label, values in shares.items()}


def payload_words(recording: Recording) -> list[dict[str, Any]]:
    """Groups whose tokens have labels: the words of these, and each one's mass at every tick."""
    found: dict[tuple[str, tuple[str, ...]], dict[int, list[float | None]]] = {}
    for index, tick in enumerate(recording.ticks):
        for group in tick.message.groups:
            words = words_of(list(map(str, group.labels)), group.mass) if _named(group) else ()
            if words:
                labels = tuple(word.text for word in words)
                mass = found.setdefault((str(group.name), labels), {})
                mass[index] = numbers(np.array([word.share for word in words]), 6)
    return [
        {
            "group": name.replace("_", " "),
            "labels": list(labels),
            "mass": [mass.get(index) for index in range(len(recording.ticks))],
        }
        for (name, labels), mass in found.items()
    ]


def _named(group: TokenGroup) -> bool:
    return 0 < len(group.labels) == len(group.mass)


def _curves(
    recording: Recording, features: Features | None
) -> dict[str, npt.NDArray[np.float64] | None]:
    forward = np.array([float(tick.message.forward_seconds) for tick in recording.ticks])
    latency = np.array([tick.command_latency_s for tick in recording.ticks])
    return {
        "entropy": np.array(
            [of_map(tick, float(tick.message.entropy)) for tick in recording.ticks]
        ),
        "forward": np.where(forward > 0, forward, np.nan) * _MS,
        "latency": _or_none(latency * _MS),
        "ood": None if features is None else _or_none(features.ood_score),
        "threshold": None if features is None else _or_none(features.ood_threshold),
    }


def _joints(recording: Recording, first: float) -> list[dict[str, Any]]:
    shown = []
    for series in recording.joints:
        kept = _thinned(series.times)
        values = series.positions[kept]
        shown.append(
            {
                "role": "planned" if series.role == CHUNK else series.role,
                "topic": series.topic,
                "names": series.names,
                "times": numbers(series.times[kept] - first, 3),
                "values": [numbers(values[:, joint], 4) for joint in range(len(series.names))],
            }
        )
    return shown


def _thinned(times: npt.NDArray[np.float64]) -> list[int]:
    """Samples at least a thirtieth of a second apart: drivers publish far more than is seen."""
    kept: list[int] = []
    for index, time in enumerate(times):
        if not kept or time - times[kept[-1]] >= _SAMPLE_S:
            kept.append(index)
    return kept


def _chunks(recording: Recording) -> dict[str, Any] | None:
    """The plan of each tick, by the tick's index."""
    names = next((s.names for s in recording.joints if s.role == CHUNK), ())
    if not recording.chunks:
        return None
    times = recording.times
    plans: list[Any] = [None] * len(times)
    for chunk in recording.chunks:
        index = int(np.abs(times - chunk.time_s).argmin())
        if abs(times[index] - chunk.time_s) < 0.01:
            plans[index] = [numbers(row, 3) for row in chunk.positions.T]
    widest = max(recording.chunks, key=lambda chunk: len(chunk.times))
    return {"names": names, "after": numbers(widest.times - widest.time_s, 3), "plans": plans}


def _command_gap(recording: Recording) -> npt.NDArray[np.float64] | None:
    """For each tick the largest distance of any joint between what was predicted and commanded."""
    roles = [one.role for one in recording.joints]
    planned = PREDICTED if PREDICTED in roles else CHUNK
    gaps = [
        gap
        for predicted in recording.joints
        for commanded in recording.joints
        if (predicted.role, commanded.role) == (planned, COMMANDED)
        # Of several parts of a robot, only names tell which belong together.
        for gap in [_gap(recording, predicted, commanded, named=roles.count(COMMANDED) > 1)]
        if gap is not None
    ]
    return _or_none(np.fmax.reduce(gaps)) if gaps else None


def _gap(
    recording: Recording, predicted: JointSeries, commanded: JointSeries, *, named: bool
) -> npt.NDArray[np.float64] | None:
    """The same between two topics; None if they have nothing in common."""
    names = [name for name in predicted.names if name in commanded.names]
    if not names:
        if named or len(predicted.names) != len(commanded.names):
            return None
        pairs = list(zip(range(len(predicted.names)), range(len(commanded.names)), strict=True))
    else:
        pairs = [(predicted.names.index(name), commanded.names.index(name)) for name in names]
    gap = np.full(len(recording.ticks), np.nan)
    times = recording.times
    at_prediction = _nearest(predicted.times, times)
    # A tick that only executes a chunk has no prediction of its own.
    own = _nearest(times, predicted.times)
    # The command that answers an observation goes out after it.
    at_command = np.searchsorted(commanded.times, times)
    for index in range(len(times)):
        one, other = at_prediction[index], int(at_command[index])
        if own[one] != index or other >= len(commanded.times):
            continue
        if abs(predicted.times[one] - times[index]) > _BESIDE_S:
            continue
        if commanded.times[other] - times[index] > _BESIDE_S:
            continue
        # A joint that was not told of is NaN, which fmax passes over.
        gap[index] = np.fmax.reduce(
            [
                abs(float(predicted.positions[one, p] - commanded.positions[other, c]))
                for p, c in pairs
            ]
        )
    return gap


def _nearest(
    points: npt.NDArray[np.float64], times: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """For each of `times` the index of the nearest of rising `points`."""
    after = np.clip(np.searchsorted(points, times), 0, len(points) - 1)
    before = np.clip(after - 1, 0, None)
    closer = np.abs(points[before] - times) <= np.abs(points[after] - times)
    return np.where(closer, before, after).astype(np.int64)


def _features(features: Features | None) -> dict[str, Any] | None:
    if features is None:
        return None
    return {
        "name": features.name,
        "layer": features.layer,
        "dictionary": features.dictionary_size,
        "curves": [
            {
                "feature": curve.feature,
                "active": round(curve.active, 4),
                "elsewhere": curve.elsewhere,
                "values": numbers(curve.values, 3),
                "camera": curve.camera.tolist(),
                "row": curve.row.tolist(),
                "col": curve.col.tolist(),
            }
            for curve in features.curves
        ],
    }


def _or_none(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    return values if np.isfinite(values).any() else None
