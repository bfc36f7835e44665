# SPDX-License-Identifier: Apache-2.0
"""`attention_method: auto`: the most faithful method that the machine keeps at the node's rate."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.attention.drawing import AUTO
from pam_ros.policy.observation import empty_observation
from pam_ros.tick.contribution import InReserve, ShownContribution
from pam_ros.tick.durations import Durations

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import Policy

AGAIN_S = 60.0
"""After so long a method that was too slow is tried again [s]."""
SLACK = 1.1
"""A method that is shown stays until it takes so much of a period with its pass."""


@dataclass(frozen=True)
class AutoShown:
    """Methods to choose from, the most faithful first, and attention if none of them is kept.

    why_not: of methods that are not among them.
    """

    choices: tuple[ShownContribution, ...]
    otherwise: Selection
    why_not: str = ""

    @property
    def method(self) -> str:
        """As it was asked for."""
        return AUTO

    def apply_to(self, policy: Policy) -> None:
        """Have passes hold what any of them needs."""
        self.otherwise.apply_to(policy)
        for choice in self.choices:
            choice.policy.keep_inputs(keep=True)


class LiveMethod:
    """Resolves AutoShown on each tick; of any thread.

    Args:
        period_s: of the ticks [s].
        say: logs a choice.
        clock: in seconds, for tests.
    """

    def __init__(
        self,
        period_s: float,
        say: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._period_s = period_s
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._took: dict[str, Durations] = {}
        self._shown = self._reason = ""
        self._too_slow_since: dict[str, float] = {}

    def note(self, method: str, seconds: float) -> None:
        """A map of this method took so long [s], beside its pass."""
        with self._lock:
            self._took.setdefault(method, Durations()).add(seconds)

    def measure(self, auto: AutoShown, policy: Policy) -> None:
        """Time each method on an empty observation; the policy is reset afterwards.

        None where a pass alone takes longer than a period: no method is kept beside it, and a
        policy of many seconds would take minutes here.
        """
        features = empty_observation(policy.spec)
        auto.apply_to(policy)
        output = policy.explain(features)
        choices = auto.choices if output.forward_seconds <= self._period_s else ()
        for choice in choices:
            for turn in range(3):  # the first one gets it ready
                begin = time.perf_counter()
                try:
                    choice.policy.contribute(features, choice.request, output)
                except Exception:  # noqa: BLE001  (on real pictures its map says why)
                    self.note(choice.method, math.inf)
                    break
                if turn:
                    self.note(choice.method, time.perf_counter() - begin)
        policy.reset()

    def resolved(
        self, shown: Selection | ShownContribution | InReserve | AutoShown, forward_s: float
    ) -> Selection | ShownContribution | InReserve:
        """What a tick shows whose pass takes so long [s]: auto is what it stands for now."""
        return self.chosen(shown, forward_s) if isinstance(shown, AutoShown) else shown

    def chosen(self, auto: AutoShown, forward_s: float) -> ShownContribution | InReserve:
        """What to show on this tick, whose pass takes so long [s]."""
        with self._lock:
            slow: list[str] = []
            for choice in auto.choices:
                takes = forward_s + self._typical(choice.method)
                limit = self._period_s * (SLACK if choice.method == self._shown else 1.0)
                words = f"{choice.method} takes {takes * 1e3:.0f} ms with its pass"
                if takes <= limit:
                    self._too_slow_since.pop(choice.method, None)
                    reason = f"{words} of a period of {self._period_s * 1e3:.0f} ms"
                    self._tell(choice.method, "; ".join([*slow, reason]))
                    return replace(choice, asked=AUTO, reason=self._reason)
                self._too_slow_since.setdefault(choice.method, self._clock())
                slow.append(words)
            over = f"of a period of {self._period_s * 1e3:.0f} ms" if slow else auto.why_not
            self._tell(auto.otherwise.method, "; ".join([*slow, over]))
            return InReserve(auto.otherwise, AUTO, self._reason)

    def values(self) -> dict[str, object]:
        """For /diagnostics."""
        if not self._shown:
            return {}
        return {"attention_method": self._shown, "attention_method_reason": self._reason}

    def _typical(self, method: str) -> float:
        """How long its maps take; forgotten some time after it was too slow, to try again."""
        since = self._too_slow_since.get(method)
        if since is not None and self._clock() - since > AGAIN_S:
            del self._too_slow_since[method]
            self._took.pop(method, None)
        took = self._took.get(method)
        return 0.0 if took is None else took.typical

    def _tell(self, method: str, reason: str) -> None:
        """Keep the reason of the choice that was made, and log one that is new."""
        if method != self._shown:
            self._shown, self._reason = method, reason
            self._say(f"attention_method auto: {method} is shown: {reason}")
