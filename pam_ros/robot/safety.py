# SPDX-License-Identifier: Apache-2.0
"""Between policy and command: what may reach the robot.

    from                  by                                              to
    DISABLED, FAULT       enable(measured), the robot within its limits   RUNNING
    RUNNING               hold(), watch() without an action in time       HOLDING
    HOLDING               act() with a good action                        RUNNING
    RUNNING, HOLDING      fault(), a refused action, a clock reset,
                          restart() with the robot outside its limits     FAULT
    HOLDING               restart(measured), the robot within its limits  RUNNING
    any                   disable()                                       DISABLED

DISABLED publishes nothing. RUNNING publishes actions, bounded. HOLDING and FAULT repeat one latched
position, the last safe command (before the first one: where the robot stood when it was enabled),
and never follow the measured position, which would creep. What is commanded by velocity or effort
is held at 0. HOLDING ends by itself with the next good action; FAULT only by ``enable``.

All parts of a command are one vector here, so that they are refused, held and started as one.

Pure: no clock, no threads, no ROS. Times are seconds of one clock, given by the caller, who also
serialises the calls.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pam_ros.robot.parts import CommandContract

#: On enabling, a joint may stand outside its limits by this fraction of its range: encoders and
#: end stops are not exact.
START_TOLERANCE = 0.02


class SafetyState(Enum):
    """Where the state machine is."""

    DISABLED = "disabled"
    RUNNING = "running"
    HOLDING = "holding"
    FAULT = "fault"


@dataclass(frozen=True)
class SafetyLimits:
    """Bounds per joint, each (joints,) float64, in messages' units.

    Of its number, of how much that changes in a second (the speed of a position, the acceleration
    of a velocity), and in a period: a tick that comes sooner has its part of that step.

    An action within ``margin`` outside lower and upper is clamped; one beyond it is refused.
    ``latches`` (joints,) bool: held at its last value; if not, at 0, where it also begins. Left
    out: all. ``units``: for people; left out: rad.
    """

    names: tuple[str, ...]
    lower: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]
    max_velocity: npt.NDArray[np.float64]
    max_step: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    latches: npt.NDArray[np.bool_] | None = None
    units: tuple[str, ...] = ()

    @classmethod
    def from_contract(cls, command: CommandContract) -> SafetyLimits:
        """The limits of a validated contract.

        Raises:
            ValueError: a joint has no limits, or no speed.
        """
        for joint in command.joints:
            if joint.limits is None or not joint.bounded_in_time:
                key = joint.what.rate_key
                raise ValueError(f"joint '{joint.label}' needs limits, and {key} or max_step")
        pairs = np.array([joint.limits for joint in command.joints], dtype=np.float64)
        lower, upper = pairs[:, 0], pairs[:, 1]
        margins = [part.limit_margin for part in command.parts for _ in part.joints]
        return cls(
            names=command.labels,
            lower=lower,
            upper=upper,
            max_velocity=np.array([joint.max_rate or np.inf for joint in command.joints]),
            max_step=np.array([joint.max_step or np.inf for joint in command.joints]),
            margin=np.array(margins) * (upper - lower),
            latches=np.array([joint.what.latches for joint in command.joints]),
            units=tuple(joint.message_unit for joint in command.joints),
        )

    def at_rest(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What holds a robot that was commanded these values (joints,)."""
        return values if self.latches is None else np.where(self.latches, values, 0.0)

    def described(self, joint: int, value: float) -> str:
        """A joint's number that lies outside its limits, in words."""
        unit = f" {self.units[joint]}".rstrip() if self.units else " rad"
        return (
            f"{self.names[joint]} at {value:.3f}{unit} is outside its limits "
            f"{self.lower[joint]:.3f} to {self.upper[joint]:.3f}"
        )


@dataclass(frozen=True)
class Decision:
    """What to do now: publish ``positions`` (joints,), or nothing where it is None.

    ``positions`` are in messages' units: positions, and what else is commanded.

    ``cause`` is a short fixed word, ``reason`` the sentence for people, both empty while all is
    well. ``changed`` is true where state or cause differ from the decision before: the time for one
    log line. ``after`` is the cause of that one. ``clamped`` names the joints whose action lay
    outside the limits.
    """

    state: SafetyState
    positions: npt.NDArray[np.float64] | None
    cause: str = ""
    reason: str = ""
    changed: bool = False
    clamped: tuple[str, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class EnableResult:
    """Whether the robot may be commanded now, and a sentence for the person who asked."""

    success: bool
    message: str


class Safety:
    """The state machine above. Every tick calls one of ``act``, ``hold`` and ``fault``.

    Args:
        limits: bounds of the commands.
        period_s: one tick [s]. A command may move by max_velocity times the time since the last
            command, of which at most two periods count.
        soft_start_s: after enabling, actions are blended in from the measured position this long.
        deadline_s: ``watch`` holds after this long without an action; None means one and a quarter
            periods, so that with four looks a period it has held before the second is over.
    """

    def __init__(
        self,
        limits: SafetyLimits,
        period_s: float,
        *,
        soft_start_s: float = 1.0,
        deadline_s: float | None = None,
    ) -> None:
        self.limits = limits
        self.state = SafetyState.DISABLED
        self.counts: Counter[str] = Counter()
        self._period = period_s
        self._soft_start = soft_start_s
        self._deadline = 1.25 * period_s if deadline_s is None else deadline_s
        self._start: npt.NDArray[np.float64] = np.zeros(len(limits.names))
        self._last: npt.NDArray[np.float64] = self._start
        # What was commanded before that.
        self._before: npt.NDArray[np.float64] = self._start
        self._blend_from: float | None = None
        self._command_time = 0.0
        self._action_time = 0.0
        self._paused_until = -np.inf
        self._newest_time = -np.inf
        self._longest_wait = 0.0
        self._cause = ""
        self._reason = ""
        self._reported = (self.state, "")

    @property
    def enabled(self) -> bool:
        """Whether commands go out, holding ones included."""
        return self.state is not SafetyState.DISABLED

    @property
    def held(self) -> npt.NDArray[np.float64] | None:
        """What holds the robot from now on (joints,), None while disabled."""
        return self.limits.at_rest(self._last).copy() if self.enabled else None

    def take_longest_wait(self) -> float:
        """The longest time without an action [s], since this was last asked for.

        A wait that still lasts counts as far as it has come. Nothing is waited for while disabled,
        paused or at fault.
        """
        longest, self._longest_wait = self._longest_wait, 0.0
        return longest

    def enable(self, measured: npt.NDArray[np.floating[Any]] | None, now_s: float) -> EnableResult:
        """Starts commanding from where the robot stands; ends a fault.

        Args:
            measured: positions of the commanded joints (joints,), None where unknown.
            now_s: the present [s].
        """
        if self.state in {SafetyState.RUNNING, SafetyState.HOLDING}:
            return EnableResult(True, "already enabled")
        return self._begin(measured, now_s)

    def restart(self, measured: npt.NDArray[np.floating[Any]] | None, now_s: float) -> EnableResult:
        """A new episode: commands begin anew from where the robot stands now.

        Enables nothing: a disabled robot stays disabled, and a fault a fault.
        """
        if self.state in {SafetyState.DISABLED, SafetyState.FAULT}:
            return EnableResult(False, f"not restarted: {self.state.value}")
        result = self._begin(measured, now_s)
        if not result.success:
            self.fault("restart", result.message, now_s)
        return result

    def _begin(self, measured: npt.NDArray[np.floating[Any]] | None, now_s: float) -> EnableResult:
        if measured is None:
            return EnableResult(False, "not enabled: no recent joint state to start from")
        start = np.asarray(measured, dtype=np.float64)
        if start.shape != self.limits.lower.shape or not np.isfinite(start).all():
            return EnableResult(False, "not enabled: the measured joint positions are not usable")
        slack = START_TOLERANCE * (self.limits.upper - self.limits.lower)
        outside = self._outside(self.limits.at_rest(start), slack)
        if outside:
            return EnableResult(False, f"not enabled: {outside}; move the robot inside first")
        self._start = np.clip(self.limits.at_rest(start), self.limits.lower, self.limits.upper)
        self._last = self._before = self._start
        self._blend_from = None
        self._command_time = self._action_time = self._newest_time = now_s
        self._cause = self._reason = ""
        self.state = SafetyState.RUNNING
        return EnableResult(True, "enabled")

    def disable(self) -> None:
        """Stops commanding at once."""
        self.state = SafetyState.DISABLED
        self._cause = self._reason = ""

    def act(
        self,
        action: npt.NDArray[np.floating[Any]],
        now_s: float,
        chunk: npt.NDArray[np.floating[Any]] | None = None,
    ) -> Decision:
        """A policy's action (joints,), with the chunk (C, joints) that it came with, if new.

        Both are in messages' units.

        Either is refused as a whole, and is a fault, where a value is not finite or lies beyond the
        limits' margin. Otherwise the action is clamped to the limits, blended in after a start, and
        limited in speed.
        """
        if self._jumped(now_s) or self.state is SafetyState.FAULT:
            return self._decide(now_s)
        problem = self._refusal(action, chunk)
        if problem is not None:
            self.counts["refused"] += 1
            return self.fault("refused", problem, now_s)
        if self.enabled:
            self._longest_wait = max(self._longest_wait, self._waited(now_s))
        self._action_time = now_s
        if self.state is SafetyState.DISABLED:
            self._cause = self._reason = ""
            return self._decide(now_s)
        self.state, self._cause, self._reason = SafetyState.RUNNING, "", ""
        wanted = np.asarray(action, dtype=np.float64)
        target = np.clip(wanted, self.limits.lower, self.limits.upper)
        clamped = tuple(
            name for name, moved in zip(self.limits.names, target != wanted, strict=True) if moved
        )
        self.counts["clamped"] += bool(clamped)
        self._before = self._last
        self._last = self._approach(self._blend(target, now_s), now_s)
        return self._decide(now_s, clamped)

    def hold(self, cause: str, reason: str, now_s: float) -> Decision:
        """Something is late or missing: hold, until the next good action."""
        if not self._jumped(now_s) and self.state is not SafetyState.FAULT:
            if self.state is SafetyState.RUNNING:
                self.state = SafetyState.HOLDING
                self.counts["late"] += cause == "deadline"
            self._cause, self._reason = cause, reason
        return self._decide(now_s)

    def fault(self, cause: str, reason: str, now_s: float) -> Decision:
        """Something is broken: hold, until somebody enables again. The first cause stays."""
        if self.state is not SafetyState.FAULT:
            self._cause, self._reason = cause, reason
            if self.enabled:
                self.state = SafetyState.FAULT
                self.counts["faults"] += 1
        return self._decide(now_s)

    def rest(self) -> npt.NDArray[np.float64]:
        """Somebody else held the robot until now: what holds it (joints,), to go on from there."""
        self._last = self.limits.at_rest(self._last)
        return self._last.copy()

    def take_back(self) -> None:
        """The last decision's command did not go out: the next goes on from the one before.

        That is at rest: whoever holds the robot meanwhile holds it so.
        """
        self._last = self.limits.at_rest(self._before)

    def watch(self, now_s: float, paused: str = "") -> Decision | None:
        """For a watchdog: a holding decision where no action has come in time, else None.

        Once it holds, it repeats the position once a period. If no action is to come, ``paused``
        is the sentence that says why.
        """
        if not self.enabled:
            return None
        if self._jumped(now_s):
            return self._decide(now_s)
        late = now_s - self._action_time
        if late <= self._deadline:
            return None
        repeats = self.state is not SafetyState.RUNNING
        if repeats and now_s - self._command_time < self._period:
            return None
        if self.state is SafetyState.FAULT:
            return self._decide(now_s)
        if paused:
            self._paused_until = now_s
            return self.hold("inactive", paused, now_s)
        waited = self._waited(now_s)
        self._longest_wait = max(self._longest_wait, waited)
        return self.hold("deadline", f"no action from the policy for {waited:.2f} s", now_s)

    def _waited(self, now_s: float) -> float:
        """Since the last action [s], or since the pause that came after it."""
        return now_s - max(self._action_time, self._paused_until)

    def _jumped(self, now_s: float) -> bool:
        """Whether the clock went back by more than a period; while enabled that is a fault.

        Less than that is a clock being adjusted, and counts as no time passed.
        """
        back = self._newest_time - now_s
        if back <= self._period or not np.isfinite(back):
            self._newest_time = max(self._newest_time, now_s)
            return False
        self._newest_time = self._command_time = self._action_time = now_s
        self._paused_until = min(self._paused_until, now_s)
        if not self.enabled:
            return False
        self.fault("clock", f"the clock jumped back by {back:.3f} s", now_s)
        return True

    def _refusal(
        self,
        action: npt.NDArray[np.floating[Any]],
        chunk: npt.NDArray[np.floating[Any]] | None,
    ) -> str | None:
        joints = len(self.limits.names)
        for name, values in (("action", action), ("chunk", chunk)):
            if values is None:
                continue
            if np.shape(values)[-1:] != (joints,):
                return f"{name} has shape {np.shape(values)}; the robot has {joints} joints"
            if not np.isfinite(values).all():
                return f"{name} holds a value that is not finite"
            outside = self._outside(np.asarray(values, dtype=np.float64), self.limits.margin)
            if outside:
                return f"{name} refused: {outside}"
        return None

    def _outside(
        self, positions: npt.NDArray[np.float64], slack: npt.NDArray[np.float64]
    ) -> str | None:
        """The worst joint of (..., joints) that lies outside its limits by more than slack."""
        rows = positions.reshape(-1, positions.shape[-1])
        limits = self.limits
        if rows.size == 0:
            return None
        excess = np.maximum(limits.lower - rows, rows - limits.upper) - slack
        row, joint = np.unravel_index(int(np.argmax(excess)), excess.shape)
        if excess[row, joint] <= 0:
            return None
        return limits.described(int(joint), float(rows[row, joint]))

    def _blend(self, target: npt.NDArray[np.float64], now_s: float) -> npt.NDArray[np.float64]:
        """Smoothstep from the start to the target while the soft start lasts."""
        if self._blend_from is None:
            self._blend_from = now_s
        passed = max(now_s - self._blend_from, 0.0)
        if passed >= self._soft_start:
            return target
        part = passed / self._soft_start
        weight = part * part * (3.0 - 2.0 * part)
        return self._start + weight * (target - self._start)

    def _approach(self, target: npt.NDArray[np.float64], now_s: float) -> npt.NDArray[np.float64]:
        """As far from the last command towards the target as speed and step allow."""
        seconds = min(max(now_s - self._command_time, 0.0), 2 * self._period)
        if seconds == 0.0:  # and infinity, a limit that was not given, times 0 is no number
            return self._last
        # Ticks that come sooner than a period have a part of the step each: many do not add up.
        part = min(seconds / self._period, 1.0)
        step = np.minimum(self.limits.max_velocity * seconds, self.limits.max_step * part)
        moved = self._last + np.clip(target - self._last, -step, step)
        # Rounding must not carry a command over a limit.
        return np.clip(moved, self.limits.lower, self.limits.upper)

    def _decide(self, now_s: float, clamped: tuple[str, ...] = ()) -> Decision:
        changed, after = self._reported != (self.state, self._cause), self._reported[1]
        self._reported = (self.state, self._cause)
        self.counts[self.state.value] += 1
        positions = None
        if self.enabled:
            self._command_time = max(self._command_time, now_s)
            if self.state is not SafetyState.RUNNING:
                self._last = self._before = self.limits.at_rest(self._last)
            positions = self._last.copy()
        return Decision(self.state, positions, self._cause, self._reason, changed, clamped, after)
