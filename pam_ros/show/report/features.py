# SPDX-License-Identifier: Apache-2.0
"""The sparse features that were most active: when, how strongly, and where they looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.tick.attention_map import cell_in_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pam_ros.message_types import Stamped
    from pam_ros.message_types.pam_ros import AttentionMap, SaeFeatures
    from pam_ros.show.report.recording import Recording

SHOWN = 12
#: What a peak on no camera is on, by the KIND constants of TokenActivations.
KINDS = {1: "latent", 2: "joint state", 3: "environment", 4: "language", 5: "action", 6: "padding"}


@dataclass(frozen=True, eq=False)
class FeatureCurve:
    """One feature over the ticks.

    `values` (ticks,) is its strongest activation, 0 where it is silent, NaN where the tick has no
    features. `camera` (ticks,) indexes
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
        """The part of all ticks with features in which it was active."""
        known = self.values[np.isfinite(self.values)]
        return float((known > 0).mean()) if len(known) else 0.0


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
    known = np.array([message is not None for message in messages])
    curves = {feature: _Curve(known) for feature in ranked}
    for index, message in enumerate(messages):
        if message is not None:
            _take(curves, index, message, _Placing(recording.ticks[index].message, cameras))
    return Features(
        str(some.sae_name),
        str(some.layer),
        int(some.dictionary_size),
        tuple(curves[feature].finished(feature) for feature in ranked),
        np.array([np.nan if m is None else float(m.ood_score) for m in messages]),
        np.array([np.nan if m is None else float(m.ood_threshold) for m in messages]),
    )


class _Curve:
    def __init__(self, known: npt.NDArray[np.bool_]) -> None:
        ticks = len(known)
        self.values = np.where(known, 0.0, np.nan)
        self.camera = np.full(ticks, -1, np.int16)
        self.row = np.full(ticks, -1, np.int16)
        self.col = np.full(ticks, -1, np.int16)
        self.kinds: dict[str, int] = {}

    def finished(self, feature: int) -> FeatureCurve:
        elsewhere = max(self.kinds, key=lambda kind: self.kinds[kind], default="")
        return FeatureCurve(feature, self.values, self.camera, self.row, self.col, elsewhere)


class _Placing:
    """Where the cells that features name lie among those of the tick's maps."""

    def __init__(self, maps: AttentionMap, cameras: list[str]) -> None:
        self._cameras = cameras
        # An attribution has a unit, and its grid need not be the tokens'.
        usable = maps.valid and not maps.unit
        self._maps = {str(camera.name): camera for camera in maps.cameras if usable}

    def numbers(self, names: Sequence[str]) -> list[int]:
        """For each camera of a SaeFeatures its place among the recording's, -1 for none."""
        return [_camera(str(name), order, self._cameras) for order, name in enumerate(names)]

    def cell(self, camera: int, row: int, col: int) -> tuple[int, int] | None:
        """The map's cell; None if it is in the padding."""
        shown = self._maps.get(self._cameras[camera]) if camera >= 0 else None
        return (row, col) if shown is None else cell_in_message(shown, row, col)


def _take(curves: dict[int, _Curve], index: int, message: SaeFeatures, placing: _Placing) -> None:
    names = placing.numbers(message.camera_names)
    for place, feature in enumerate(message.feature):
        curve = curves.get(int(feature))
        if curve is None:
            continue
        curve.values[index] = float(message.maximum[place])
        camera = int(message.peak_camera[place])
        if 0 <= camera < len(names):
            row, col = int(message.peak_row[place]), int(message.peak_col[place])
            cell = placing.cell(names[camera], row, col)
            if cell is None:
                curve.kinds["padding"] = curve.kinds.get("padding", 0) + 1
                continue
            curve.camera[index] = names[camera]
            curve.row[index], curve.col[index] = cell
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
