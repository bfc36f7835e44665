# SPDX-License-Identifier: Apache-2.0
"""From actions to published commands, through the safety state machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.nodes.act.command_publisher import CommandPublisher
from pam_ros.nodes.kit.said import Said, by_magnitude
from pam_ros.robot import (
    EnableResult,
    Safety,
    SafetyLimits,
    SafetyState,
    action_positions,
)
from pam_ros.robot.command_effect import CommandEffect
from pam_ros.robot.takeover import WATCH_PERIODS
from pam_ros.robot.units import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.nodes.guard.link import GuardLink
    from pam_ros.robot import Contract
    from pam_ros.robot.safety import Decision

SAFETY_COUNTS = ("refused", "clamped", "late", "faults")
OFTEN = ("deadline", "queue", "stale")
"""Causes that may come and go with every tick."""


class Permit(NamedTuple):
    """Whether the policy's actions are to move the robot: not so while disabled or at fault.

    number: changes whenever commands end or begin. An action of a pass that began under another
    number never goes out: what was planned before somebody stopped the robot, or before it was
    enabled, must not move it afterwards.
    """

    commanding: bool
    number: int


class Commander:
    """Serialises what ticks, the watchdog and services ask of one Safety, and publishes.

    A contract with units that the policy's data contradict is not enabled, unless it says
    units_confirmed.

    Args:
        node: that has the topic.
        contract: bound to the policy.
        period_s: of the ticks [s].
        oldest_s: no action goes out if its observation is older by then [s].
        soft_start_s: how long the speed limits take to open after a start [s].
        enabled: begin to command with the first observation: only then is it known where from.
        guard: the process that holds while this one stands still; None for none.
        why_not: why the policy cannot command now, a sentence; empty where it can.
        changed: called, briefly, whenever the permits' number has changed; of any thread.
    """

    def __init__(
        self,
        node: Node,
        contract: Contract,
        period_s: float,
        oldest_s: float,
        soft_start_s: float,
        enabled: bool,
        guard: GuardLink | None,
        why_not: Callable[[], str] = str,
        changed: Callable[[], object] = str,
    ) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._why_not = why_not
        self._changed = changed
        self._command = command = contract.command
        self._safety = Safety(
            SafetyLimits.from_contract(command),
            period_s,
            soft_start_s=soft_start_s,
            deadline_s=WATCH_PERIODS * period_s,
        )
        self._effect = CommandEffect(command)
        self._guard = guard
        self._lock = threading.RLock()
        self._permits = 0
        self._enable_pending = enabled
        self._restart_pending = False
        # Between a reset and its first observation the latched position means nothing.
        self._silent = False
        # Why no action is to come; empty unless paused.
        self._paused = ""
        self.publisher = CommandPublisher(node, command, period_s)
        self._oldest_s = oldest_s
        self.reason = ""
        self._magnitude = ""
        self._units = _units_word(contract)
        self._refusal = "" if contract.units_confirmed else refusal(contract.unit_doubts)
        if self._refusal:
            node.get_logger().warning(self._refusal)

    @property
    def state(self) -> SafetyState:
        """Where the safety state machine is."""
        return self._safety.state

    @property
    def limits(self) -> SafetyLimits:
        """What bounds every command."""
        return self._safety.limits

    @property
    def commanding(self) -> bool:
        """Whether commands go out, or will with the next observation."""
        return self._enable_pending or self._safety.enabled

    @property
    def no_effect(self) -> str:
        """Why it seems that nobody follows the commands, a sentence; empty if somebody does."""
        with self._lock:
            return self._effect.why_none

    def permit(self) -> Permit:
        """What an action of the pass that begins now may do.

        Take it before the pass, and give it to `act` with the action.
        """
        with self._lock:
            running = {SafetyState.RUNNING, SafetyState.HOLDING}
            return Permit(self._safety.state in running, self._permits)

    @property
    def permit_number(self) -> int:
        """Of the permit that an action would need now; waits for nobody."""
        return self._permits

    def begin_if_pending(self, measured: NDArray[np.float64]) -> bool:
        """Start where the robot stands, measured (joints,), if a start was asked for.

        Whether the robot is now as it was asked for; not so where `enabled` could not begin.
        """
        with self._lock:
            self._effect.measure(self._now(), measured)
            enabling = self._enable_pending
            if not (enabling or self._restart_pending):
                return True
            self._enable_pending = self._restart_pending = False
            self._effect.clear()
            now = self._now()
            if enabling:
                result = self._enable(measured, now)
            else:
                result = self._safety.restart(measured, now)
            self._void_permits()
            if result.success:
                self._silent = False
            else:
                self._node.get_logger().error(result.message)
            self._tell_guard()
            return result.success or not enabling

    def act(
        self,
        action: NDArray[np.float32],
        chunk: NDArray[np.float32] | None,
        age_s: float,
        permit: Permit,
    ) -> bool:
        """Send an action (joints,) of the policy, with the chunk it came with; whether it went.

        Args:
            action: in the policy's units.
            chunk: (chunk_size, joints), or None for an action of a chunk that went out before.
            age_s: of the observation by now; an action that comes too late is not sent.
            permit: from before the policy's pass.
        """
        positions = action_positions(self._command, action)
        steps = None if chunk is None else action_positions(self._command, chunk)
        with self._lock:
            if permit.number != self._permits:
                return False
            if age_s > self._oldest_s:
                self.hold(
                    "stale",
                    f"the action's observation is {age_s:.2f} s old by now; at most "
                    f"{self._oldest_s:.2f} s is used",
                )
                return False
            decision = self._safety.act(positions, self._now(), steps)
            went = self._carry_out(decision)
        return went and decision.state is SafetyState.RUNNING

    def hold(self, cause: str, reason: str) -> None:
        """Hold until the next good action."""
        with self._lock:
            self._carry_out(self._safety.hold(cause, reason, self._now()))

    def fault(self, cause: str, reason: str) -> None:
        """Hold until somebody enables again."""
        with self._lock:
            self._void_permits()
            self._carry_out(self._safety.fault(cause, reason, self._now()))

    def watch(self) -> None:
        """Hold where no action has come in time; call it several times a period."""
        with self._lock:
            if self._guard is not None:
                self._guard.check()
            decision = self._safety.watch(self._now(), self._paused)
            if decision is not None:
                self._carry_out(decision)

    def restart(self) -> None:
        """An episode starts: the robot may have been moved, so begin where it stands then."""
        with self._lock:
            self._void_permits()
            self._restart_pending = self.state in {SafetyState.RUNNING, SafetyState.HOLDING}
            self._silent = self._restart_pending
            self._tell_guard()
            if self._silent:
                self.publisher.stop()

    def pause(self, reason: str) -> None:
        """No action is to come: hold, for this reason, until `resume`."""
        with self._lock:
            self._paused = reason
            self.hold("inactive", reason)

    def resume(self) -> None:
        """Ticks go on after a pause: hold until the first observation, and begin where it says."""
        with self._lock:
            self._paused = ""
            self._restart_pending = self.state in {SafetyState.RUNNING, SafetyState.HOLDING}

    def set_enabled(self, wanted: bool, measured: NDArray[np.float64] | None) -> tuple[bool, str]:
        """Enable from measured (joints,), or disable; whether that was done, and a word."""
        with self._lock:
            if wanted and self.state in {SafetyState.RUNNING, SafetyState.HOLDING}:
                # A restart that was asked for still waits for its first observation.
                return True, "already enabled"
            if not wanted:
                return True, self._disable()
            self._enable_pending = False
            result = self._enable(measured, self._now())
            self._void_permits()
            if result.success:
                self._restart_pending = self._silent = False
                self.reason = ""
            self._tell_guard()
            return result.success, result.message

    def _void_permits(self) -> None:
        self._permits += 1
        self._changed()

    def _enable(self, measured: NDArray[np.float64] | None, now: float) -> EnableResult:
        refused = self._refusal or self._why_not()
        if refused:
            return EnableResult(False, refused)
        return self._safety.enable(measured, now)

    def _disable(self) -> str:
        self._enable_pending = self._restart_pending = self._silent = False
        self.reason = ""
        self._void_permits()
        enabled = self._safety.enabled
        self._safety.disable()
        self._effect.clear()
        answered = self._tell_guard()
        if enabled:
            self.publisher.stop()
        if answered:
            return "disabled"
        return "disabled; the guard has not answered yet, and may still hold for a moment"

    def close(self) -> None:
        """Command nothing any more."""
        with self._lock:
            enabled = self._safety.enabled
            self._safety.disable()
            if enabled:
                self.publisher.stop()
            if self._guard is not None:
                self._guard.close()
                self._guard = None

    def values(self) -> dict[str, object]:
        """For /diagnostics; the longest wait is of the time since this was called before."""
        shown: dict[str, object] = {
            f"safety_{cause}": self._safety.counts[cause] for cause in SAFETY_COUNTS
        }
        with self._lock:
            shown["safety_wait_max_s"] = f"{self._safety.take_longest_wait():.2f}"
        shown["commands"] = self.publisher.published
        shown["commands_without_effect"] = self.no_effect
        shown["units"] = self._units
        if self._guard is None:
            shown["command_guard"] = "off"
        else:
            shown["command_guard"] = "watching" if self._guard.ready else "starting"
            shown["command_guard_commands"] = self._guard.holds
            shown["command_guard_restarts"] = self._guard.restarts
        return shown

    def _carry_out(self, decision: Decision) -> bool:
        """Publish and log; whether a command went out."""
        # The state has changed already; a report that is made meanwhile says why.
        self.reason = decision.reason
        went = False
        # Once ROS is shut down nothing can be published; the node is on its way out.
        positions = None if self._silent or not self._node.context.ok() else decision.positions
        if positions is not None:
            held_before = self._guard_holds
            if not self._tell_guard():
                self._safety.take_back()
            else:
                if self._guard_holds > held_before:
                    # It held what is no position at 0 meanwhile.
                    positions = self._safety.rest()
                self.publisher.publish(positions)
                went = True
        if went and positions is not None and decision.state is SafetyState.RUNNING:
            self._effect.command(self._now(), positions)
        elif positions is not None and decision.cause in OFTEN:
            self._effect.hold(self._now())
        else:
            self._effect.clear()
        magnitude = by_magnitude(decision.reason) if decision.cause in OFTEN else ""
        if decision.changed or magnitude != self._magnitude:
            # One hold that began with 0.2 s and has come to 5 s, as when the clock jumps, is news.
            self._log(decision)
        self._magnitude = magnitude
        return went

    def _log(self, decision: Decision) -> None:
        log = self._node.get_logger()
        text = f"{decision.state.value}{': ' + decision.reason if decision.reason else ''}"
        if decision.state is SafetyState.FAULT:
            log.error(text)
        elif decision.cause in OFTEN:
            # A policy that is always a little late changes twice a tick; /diagnostics counts.
            self._said.warning(text, by_magnitude(text))
        elif decision.cause:
            log.warning(text)
        elif decision.after in OFTEN:
            self._said.info(text)
        else:
            log.info(text)

    @property
    def _guard_holds(self) -> int:
        return 0 if self._guard is None else self._guard.holds

    def _tell_guard(self) -> bool:
        """Say first what is commanded now; whether this process may publish it."""
        if self._guard is None:
            return True
        held = self._safety.held
        # Simulated time stands still when it likes; there is no robot to hold then.
        simulated = self._node.get_clock().ros_time_is_active
        if held is None or self._silent or simulated:
            return self._guard.beat(())
        return self._guard.beat(tuple(held.tolist()))

    def _now(self) -> float:
        nanoseconds: int = self._node.get_clock().now().nanoseconds
        return nanoseconds * 1e-9


def _units_word(contract: Contract) -> str:
    """For /diagnostics."""
    if not contract.unit_doubts:
        return "not contradicted"
    if contract.units_confirmed:
        return "contradicted by the policy's data, confirmed in the contract"
    return "contradicted by the policy's data: not enabled"
