# SPDX-License-Identifier: Apache-2.0
"""The sparse features that were most active: when, how strongly, and where they looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pam_ros.message_types import Stamped
    from pam_ros.message_types.pam_ros import SaeFeatures
    from pam_ros.show.report.recording import Recording

SHOWN = 12
#: What a peak on no camera is on, by the KIND constants of TokenActivations.
KINDS = {1: "latent", 2: "joint state", 3: "environment", 4: "language"}


@dataclass(frozen=True, eq=False)
class FeatureCurve:
    """One feature over the ticks.

    `values` (ticks,) is its strongest activation, 0 where it is silent. `camera` (ticks,) indexes
    the recording's cameras and is -1 where it peaks on no cell; `row`, `col` are that cell.
    """

    feature: int
    values: npt.NDArray[np.float64]
    camera: npt.NDArray[np.int16]
    row: npt.NDArray[np.int16]
    col: npt.NDArray[np.int16]
    elsewhere: str

    @property
    def active(self) -> float:
        """The part of all ticks in which it was active."""
        return float((self.values > 0).mean())


@dataclass(frozen=True, eq=False)
class Features:
    """The most active features, and each tick's figures, NaN where there is no message."""

    name: str
    layer: str
    dictionary_size: int
    curves: tuple[FeatureCurve, ...]
    ood_score: npt.NDArray[np.float64]
    ood_threshold: npt.NDArray[np.float64]


def most_active(recording: Recording, cameras: list[str]) -> Features | None:
    """The features with the largest sum of activation that are not active in every tick.

    A feature that never rests says nothing about a moment; those are shown only where there are
    not enough others. None where the bag has no valid SaeFeatures for its ticks.
    """
    messages = [recording.features.get(_stamp(tick.message)) for tick in recording.ticks]
    some = next((message for message in messages if message is not None), None)
    if some is None:
        return None
    count = len(messages)
    sums: dict[int, float] = {}
    seen: dict[int, int] = {}
    for message in messages:
        if message is None:
            continue
        for feature, value in zip(message.feature, message.maximum, strict=False):
            sums[int(feature)] = sums.get(int(feature), 0.0) + float(value)
            seen[int(feature)] = seen.get(int(feature), 0) + 1
    valid = sum(message is not None for message in messages)
    ranked = sorted(sums, key=lambda f: (seen[f] > 0.98 * valid, -sums[f]))[:SHOWN]
    curves = {feature: _Curve(count) for feature in ranked}
    for index, message in enumerate(messages):
        if message is not None:
            _take(curves, index, message, cameras)
    return Features(
        str(some.sae_name),
        str(some.layer),
        int(some.dictionary_size),
        tuple(curves[feature].finished(feature) for feature in ranked),
        np.array([np.nan if m is None else float(m.ood_score) for m in messages]),
        np.array([np.nan if m is None else float(m.ood_threshold) for m in messages]),
    )


class _Curve:
    def __init__(self, ticks: int) -> None:
        self.values = np.zeros(ticks)
        self.camera = np.full(ticks, -1, np.int16)
        self.row = np.full(ticks, -1, np.int16)
        self.col = np.full(ticks, -1, np.int16)
        self.kinds: dict[str, int] = {}

    def finished(self, feature: int) -> FeatureCurve:
        elsewhere = max(self.kinds, key=lambda kind: self.kinds[kind], default="")
        return FeatureCurve(feature, self.values, self.camera, self.row, self.col, elsewhere)


def _take(curves: dict[int, _Curve], index: int, message: SaeFeatures, cameras: list[str]) -> None:
    names = [_camera(str(name), order, cameras) for order, name in enumerate(message.camera_names)]
    for place, feature in enumerate(message.feature):
        curve = curves.get(int(feature))
        if curve is None:
            continue
        curve.values[index] = float(message.maximum[place])
        camera = int(message.peak_camera[place])
        if 0 <= camera < len(names):
            curve.camera[index] = names[camera]
            curve.row[index] = int(message.peak_row[place])
            curve.col[index] = int(message.peak_col[place])
        else:
            kind = KINDS.get(int(message.peak_kind[place]), "another token")
            curve.kinds[kind] = curve.kinds.get(kind, 0) + 1


def _camera(name: str, order: int, cameras: list[str]) -> int:
    """The policy calls a camera observation.images.top where the contract calls it top."""
    for index, camera in enumerate(cameras):
        if name == camera or name.endswith(f".{camera}"):
            return index
    return order if order < len(cameras) else -1


def _stamp(message: Stamped) -> int:
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)
