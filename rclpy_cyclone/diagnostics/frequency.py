# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater.FrequencyStatus: whether something happens as often as it should."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.time.clock import Clock
from rclpy_cyclone.time.time import ClockType
from rclpy_cyclone.types.messages import message_class

from .tasks import DiagnosticTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rclpy_cyclone.time.time import Time

    from .status import DiagnosticStatusWrapper

_DiagnosticStatus: Any = message_class("diagnostic_msgs/msg/DiagnosticStatus")


class FrequencyStatusParam:
    """What a frequency should be.

    Attributes:
        freq_bound: "min" and, if there is a bound above, "max" [Hz]. It is read at each report,
            so that its owner may change it.
        tolerance: the part of a bound that may be missing below and be too much above.
        window_size: over how many reports events are counted.

    """

    def __init__(
        self, freq_bound: Mapping[str, float], tolerance: float = 0.1, window_size: int = 5
    ) -> None:
        self.freq_bound = freq_bound
        self.tolerance = tolerance
        self.window_size = window_size


class FrequencyStatus(DiagnosticTask):
    """Warns if the frequency of tick() is out of bounds; an error if there was no tick at all."""

    def __init__(self, params: FrequencyStatusParam, name: str = "FrequencyStatus") -> None:
        super().__init__(name)
        self.params = params
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Count anew from now on."""
        with self.lock:
            self.count = 0
            size = self.params.window_size
            # When each of the last reports was, and how many events there had been by then.
            self._reports: deque[tuple[Time, int]] = deque([(_now(), 0)] * size, maxlen=size)

    def tick(self) -> None:
        """An event has happened."""
        with self.lock:
            self.count += 1

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Judge the frequency since as many reports before as the window has."""
        with self.lock:
            now, count = _now(), self.count
            then, before = self._reports[0]
            self._reports.append((now, count))
        events, window = count - before, (now - then).nanoseconds * 1e-9
        # A clock that was set back leaves no time to divide by.
        frequency = events / window if window > 0 else 0.0
        bound, tolerance = self.params.freq_bound, self.params.tolerance
        lowest = bound["min"] * (1 - tolerance)
        highest = bound["max"] * (1 + tolerance) if "max" in bound else math.inf
        if not events:
            stat.summary(_DiagnosticStatus.ERROR, "No events recorded.")
        elif frequency < lowest:
            stat.summary(_DiagnosticStatus.WARN, "Frequency too low.")
        elif frequency > highest:
            stat.summary(_DiagnosticStatus.WARN, "Frequency too high.")
        else:
            stat.summary(_DiagnosticStatus.OK, "Desired frequency met")
        stat.add("Events in window", f"{events}")
        stat.add("Events since startup", f"{count}")
        stat.add("Duration of window (s)", f"{window:f}")
        stat.add("Actual frequency (Hz)", f"{frequency:f}")
        if bound["min"] == bound.get("max"):
            stat.add("Target frequency (Hz)", f"{bound['min']:f}")
        if bound["min"] > 0:
            stat.add("Minimum acceptable frequency (Hz)", f"{lowest:f}")
        if "max" in bound:
            stat.add("Maximum acceptable frequency (Hz)", f"{highest:f}")
        return stat


def _now() -> Time:
    return Clock(clock_type=ClockType.ROS_TIME).now()
