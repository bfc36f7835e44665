# SPDX-License-Identifier: Apache-2.0
"""How many maps come a second, and what helps if they are too few."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.policy.interface import EngineReport

WINDOW_S = 10.0
"""Maps are counted over so long [s]."""
JUDGED_AFTER_S = 5.0
"""Before that a node that has just begun is not judged."""
FEWEST_PER_S = 0.5
"""Fewer maps a second than this are worth a warning."""


class MapRate:
    """Counts the maps of the last WINDOW_S, and the passes that were left out. Of any thread.

    Args:
        clock: in seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._maps: deque[float] = deque()
        self._skipped: deque[float] = deque()
        self._begin = clock()

    def begin(self) -> None:
        """Count anew: the node has just become active, or what it does has changed."""
        with self._lock:
            self._maps.clear()
            self._skipped.clear()
            self._begin = self._clock()

    def add(self) -> None:
        """A map was published."""
        with self._lock:
            self._maps.append(self._clock())

    def skip(self) -> None:
        """A pass was left out, since a command would have had to wait for it."""
        with self._lock:
            self._skipped.append(self._clock())

    @property
    def per_second(self) -> float:
        """Maps per second."""
        return self._per_second(self._maps)

    @property
    def skipped(self) -> bool:
        """Whether most of the maps that are missing were left out."""
        return self._per_second(self._skipped) > self.per_second

    def _per_second(self, events: deque[float]) -> float:
        with self._lock:
            now = self._clock()
            while events and now - events[0] > WINDOW_S:
                events.popleft()
            return len(events) / max(min(WINDOW_S, now - self._begin), 1.0)

    @property
    def too_few(self) -> bool:
        """Whether there are fewer than FEWEST_PER_S, and it is not too early to say so."""
        return self._clock() - self._begin >= JUDGED_AFTER_S and self.per_second < FEWEST_PER_S


def why_few_maps(
    engine: EngineReport,
    device: str,
    *,
    forward_s: float,
    show_s: float,
    period_s: float,
    skipped: bool,
    chunk_s: float | None = None,
) -> str:
    """The likely cause, and what helps: part of a sentence.

    Args:
        engine: what computes the policy's pass.
        device: the policy's.
        forward_s: what a pass takes [s]; NaN if there was none.
        show_s: what maps and pictures take [s]; NaN if there was none.
        period_s: of the ticks [s].
        skipped: whether passes were left out because a command would have had to wait for them.
        chunk_s: how long a chunk is executed [s], where passes run beside the commands.
    """
    if skipped and chunk_s is not None:
        return (
            f"a forward pass takes {forward_s * 1e3:.0f} ms of a period of {period_s * 1e3:.0f} "
            "ms, and one that only explains has to end before the next chunk is due, which is "
            f"every {chunk_s:.2f} s; {faster(engine, device)}, or disable to look"
        )
    if skipped and show_s > forward_s:
        return (
            f"maps and overlays take {show_s * 1e3:.0f} ms of a period of {period_s * 1e3:.0f} ms, "
            "and what only explains waits while commands go out; watch fewer or smaller overlays, "
            "or disable to look"
        )
    if skipped:
        return (
            f"a forward pass takes {forward_s * 1e3:.0f} ms of a period of {period_s * 1e3:.0f} "
            "ms, and one that only explains waits while commands go out; "
            f"{faster(engine, device)}, or disable to look"
        )
    if forward_s > 1.0:
        return f"a forward pass takes {forward_s:.1f} s; {faster(engine, device)}"
    return (
        "complete observations are rare; compare the rates of the cameras and of the joint states "
        "(pam_ros contract check --live)"
    )


def faster(engine: EngineReport, device: str) -> str:
    """What makes the policy faster here: a parameter to set, or another machine."""
    if not device.startswith("cpu"):
        return "a faster GPU helps"
    if "openvino" in engine.could:
        if importlib.util.find_spec("openvino") is None:
            return "install openvino (pip install 'openvino>=2025.0') and set engine: openvino"
        return "set engine: openvino"
    if "bfloat16" in engine.could:
        return "set dtype: bfloat16, or use a GPU"
    if "int8" in engine.could:
        return "set dtype: int8 (pam_ros quantise makes what it needs), or use a GPU"
    return "use a GPU (device: cuda)"
