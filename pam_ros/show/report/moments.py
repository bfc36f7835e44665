# SPDX-License-Identifier: Apache-2.0
"""What the page links to: marks that people set, ends of episodes, and the peaks of every curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.show.report.peaks import peaks
from pam_ros.show.report.tick import of_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.show.report.features import Features
    from pam_ros.show.report.recording import Recording

# Notes come late: after the last tick too.
_BEFORE_S, _AFTER_S = 1.0, 5.0
#: Curve to the words at its peaks, the form of their values, and how many.
_CURVES = {
    "gap": ("command furthest from the prediction", "{:.3f} rad", 3),
    "latency": ("slowest command", "{:.0f} ms", 3),
    "forward": ("slowest forward pass", "{:.0f} ms", 2),
    "ood": ("most unusual", "{:.2f}", 3),
    "entropy": ("most spread", "{:.2f} nats", 2),
}


@dataclass(frozen=True)
class Moment:
    """A link of the page: which tick (its place in the recording), what is there, how much."""

    tick: int
    kind: str
    text: str
    value: str


def moments(
    recording: Recording,
    cameras: Sequence[str],
    curves: Mapping[str, npt.NDArray[np.float64] | None],
    features: Features | None,
) -> list[Moment]:
    """Marks first, then peaks, the highest of each curve first."""
    found = list(_marks(recording))
    apart = max(1.0, 0.02 * float(recording.times[-1] - recording.times[0]))

    def add(kind: str, values: npt.NDArray[np.float64], text: str, form: str, count: int) -> None:
        found.extend(
            Moment(index, kind, text, form.format(abs(values[index])))
            for index in peaks(recording.times, values, count, apart)
        )

    for name in cameras:
        add("shares", _shares(recording, name), f"most on {name}", "{:.0%}", 2)
    state = np.array(
        [of_map(tick, float(tick.message.joint_state_share)) for tick in recording.ticks]
    )
    add("shares", state, "most on the joint state", "{:.0%}", 2)
    for kind, (text, form, count) in _CURVES.items():
        values = curves.get(kind)
        if values is not None:
            add(kind, values, text, form, count)
    entropy = curves.get("entropy")
    if entropy is not None:
        add("entropy", -entropy, "most focused", "{:.2f} nats", 2)
    for curve in () if features is None else features.curves:
        add("feature", curve.values, f"feature {curve.feature} strongest", "{:.2f}", 1)
    return found


def _marks(recording: Recording) -> Iterator[Moment]:
    """Each on the newest tick that its author can have seen."""
    times = recording.times
    for mark in recording.marks:
        if times[0] - _BEFORE_S <= mark.time_s <= times[-1] + _AFTER_S:
            tick = max(0, int(np.searchsorted(times, mark.time_s, side="right")) - 1)
            kind = mark.kind if mark.success is None else mark.text
            yield Moment(tick, kind, mark.text, "")


def _shares(recording: Recording, camera: str) -> npt.NDArray[np.float64]:
    shares = [
        next((seen.share for seen in tick.cameras if seen.name == camera), math.nan)
        for tick in recording.ticks
    ]
    return np.array(shares)
