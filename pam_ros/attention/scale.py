# SPDX-License-Identifier: Apache-2.0
"""The mass per cell that is drawn at full opacity: one number for all cameras of a tick.

One number keeps the cameras comparable: equal mass is equally opaque in all of them. "Uniform" is
the mass that each token has when all have the same, 1 / tokens, of those that can be read. No
scale goes below `floor` times uniform, so that flat attention is drawn faint rather than stretched
to full opacity.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pam_ros.attention.drawing import DRAWING, Drawing
from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps


class Scale(Protocol):
    """What the overlay asks for: the mass per cell drawn at full opacity, greater than zero."""

    def scale(self, maps: AttentionMaps) -> float:
        """The full scale for this tick's maps."""
        ...


@dataclass(frozen=True)
class TickScale:
    """The tick's own largest cell, in whichever camera it is."""

    floor: float = DRAWING.floor

    def __post_init__(self) -> None:
        _check_positive("floor", self.floor)

    def scale(self, maps: AttentionMaps) -> float:
        """The largest cell of all cameras, at least `floor` times uniform."""
        peak = max((float(camera.cells.max()) for camera in maps.cameras), default=0.0)
        return max(peak, self.floor / maps.tokens)


@dataclass(frozen=True)
class UniformScale:
    """A fixed multiple of uniform attention: comparable over ticks, episodes and recordings."""

    multiples: float = DRAWING.multiple

    def __post_init__(self) -> None:
        _check_positive("multiples", self.multiples)

    def scale(self, maps: AttentionMaps) -> float:
        """`multiples` times the mass of one token under uniform attention."""
        return self.multiples / maps.tokens


@dataclass
class RunningScale:
    """A percentile of all cameras' cells over the last `window` ticks: calm from tick to tick.

    Cells above it are drawn at full opacity. It begins anew with another method or layer; call
    `reset` where the recording or the selection of head and query changes.
    """

    percentile: float = DRAWING.percentile
    window: int = DRAWING.window
    floor: float = DRAWING.floor
    _ticks: deque[NDArray[np.float32]] = field(init=False, repr=False)
    _of: tuple[str, str] = field(init=False, repr=False, default=("", ""))

    def __post_init__(self) -> None:
        _check_positive("floor", self.floor)
        if not 0 < self.percentile <= 100:
            message = f"percentile {self.percentile} must be above 0 and at most 100"
            raise AttentionError(message)
        if self.window < 1:
            message = f"window {self.window} must be at least 1 tick"
            raise AttentionError(message)
        self._ticks = deque(maxlen=self.window)

    def scale(self, maps: AttentionMaps) -> float:
        """Count this tick in; the percentile over the window, at least `floor` times uniform."""
        if (maps.method, maps.layer) != self._of:
            # Cells of another size, or of what has no scale in common with them.
            self._of = maps.method, maps.layer
            self.reset()
        if maps.cameras:
            self._ticks.append(np.concatenate([camera.cells.ravel() for camera in maps.cameras]))
        if not self._ticks:
            return self.floor / maps.tokens
        level = _percentile(np.concatenate(self._ticks), self.percentile)
        return max(level, self.floor / maps.tokens)

    def reset(self) -> None:
        """Forget the ticks seen."""
        self._ticks.clear()


def _percentile(values: NDArray[np.float32], percentile: float) -> float:
    """As np.percentile, in a tenth of its time; reorders the values."""
    position = percentile / 100 * (values.size - 1)
    below = int(position)
    values.partition(below)
    level = float(values[below])
    if below + 1 < values.size:
        level += (float(values[below + 1 :].min()) - level) * (position - below)
    return level


def make_scale(drawing: Drawing = DRAWING) -> Scale:
    """The scale that a drawing names, with nothing seen so far.

    Raises:
        AttentionError: a number is out of range.
    """
    if drawing.scale == "tick":
        return TickScale(drawing.floor)
    if drawing.scale == "uniform":
        return UniformScale(drawing.multiple)
    return RunningScale(drawing.percentile, drawing.window, drawing.floor)


def _check_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        message = f"{name} {value} must be a number above 0"
        raise AttentionError(message)
