# SPDX-License-Identifier: Apache-2.0
"""What the page is told: curves, moments and figures as plain JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.drawing import DRAWING
from pam_ros.show.report.features import most_active
from pam_ros.show.report.frames import frame_times
from pam_ros.show.report.heat import colours
from pam_ros.show.report.joints import CHUNK, COMMANDED, PREDICTED
from pam_ros.show.report.moments import moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.show.report.features import Features
    from pam_ros.show.report.frames import Mosaic
    from pam_ros.show.report.heat import Heat
    from pam_ros.show.report.joints import JointSeries
    from pam_ros.show.report.recording import Recording

_MS = 1e3
# A command this far from the plan's moment is not the one that answers it.
_BESIDE_S = 0.5
_SAMPLE_S = 1 / 31


def payload(
    recording: Recording, mosaic: Mosaic, heat: Heat, losses: Sequence[str]
) -> dict[str, Any]:
    """Everything but the video and the cells."""
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
        "policy": _policy(recording),
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
            "units": _numbers(heat.units, 6),
            "scales": _numbers(heat.full_scales, 6),
            "alpha": DRAWING.alpha,
            "border": DRAWING.border,
            "colours": colours().reshape(-1).tolist(),
        },
        "curves": {name: _numbers(values) for name, values in curves.items() if values is not None},
        "shares": _shares(recording, cameras),
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
    names = ("policy_name", "policy_sha256", "method", "layer", "head", "query", "chunk_mode")
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
    others = {
        "joint state": "joint_state_share",
        "latent": "latent_share",
        "environment": "environment_share",
    }
    for label, name in others.items():
        values = [float(getattr(tick.message, name)) for tick in recording.ticks]
        if any(math.isfinite(value) for value in values):
            shares[label] = values
    return {label: _numbers(np.array(values)) for label, values in shares.items()}


def _curves(
    recording: Recording, features: Features | None
) -> dict[str, npt.NDArray[np.float64] | None]:
    forward = np.array([float(tick.message.forward_seconds) for tick in recording.ticks])
    latency = np.array([tick.command_latency_s for tick in recording.ticks])
    return {
        "entropy": np.array([float(tick.message.entropy) for tick in recording.ticks]),
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
                "times": _numbers(series.times[kept] - first, 3),
                "values": [_numbers(values[:, joint], 4) for joint in range(len(series.names))],
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
            plans[index] = [_numbers(row, 3) for row in chunk.positions.T]
    widest = max(recording.chunks, key=lambda chunk: len(chunk.times))
    return {"names": names, "after": _numbers(widest.times - widest.time_s, 3), "plans": plans}


def _command_gap(recording: Recording) -> npt.NDArray[np.float64] | None:
    """For each tick the largest distance of any joint between what was predicted and commanded."""
    series = {one.role: one for one in recording.joints}
    commanded = series.get(COMMANDED)
    predicted = series.get(PREDICTED) or series.get(CHUNK)
    if commanded is None or predicted is None:
        return None
    names = [name for name in predicted.names if name in commanded.names]
    if not names:
        if len(predicted.names) != len(commanded.names):
            return None
        pairs = list(zip(range(len(predicted.names)), range(len(commanded.names)), strict=True))
    else:
        pairs = [(predicted.names.index(name), commanded.names.index(name)) for name in names]
    gap = np.full(len(recording.ticks), np.nan)
    times = recording.times
    at_prediction = _nearest(predicted, times)
    # The command that answers an observation goes out after it.
    at_command = np.searchsorted(commanded.times, times)
    for index in range(len(times)):
        one, other = at_prediction[index], int(at_command[index])
        if abs(predicted.times[one] - times[index]) > _BESIDE_S or other >= len(commanded.times):
            continue
        if commanded.times[other] - times[index] > _BESIDE_S:
            continue
        gap[index] = max(
            abs(float(predicted.positions[one, p] - commanded.positions[other, c]))
            for p, c in pairs
        )
    return _or_none(gap)


def _nearest(series: JointSeries, times: npt.NDArray[np.float64]) -> list[int]:
    after = np.clip(np.searchsorted(series.times, times), 0, len(series.times) - 1)
    before = np.clip(after - 1, 0, None)
    closer = np.abs(series.times[before] - times) <= np.abs(series.times[after] - times)
    return [int(index) for index in np.where(closer, before, after)]


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
                "values": _numbers(curve.values, 3),
                "camera": curve.camera.tolist(),
                "row": curve.row.tolist(),
                "col": curve.col.tolist(),
            }
            for curve in features.curves
        ],
    }


def _or_none(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    return values if np.isfinite(values).any() else None


def _numbers(values: npt.NDArray[np.floating[Any]], digits: int = 4) -> list[float | None]:
    """For JSON, which knows no NaN."""
    return [round(float(v), digits) if math.isfinite(v) else None for v in values]
