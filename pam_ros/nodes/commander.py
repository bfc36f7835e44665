# SPDX-License-Identifier: Apache-2.0
"""From actions to published commands, through the safety state machine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pam_ros.nodes.command_publisher import CommandPublisher
from pam_ros.robot import Safety, SafetyLimits, SafetyState, action_positions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.robot import Contract
    from pam_ros.robot.safety import Decision


class Commander:
    """Serialises what ticks, the watchdog and services ask of one Safety, and publishes.

    enabled: begin to command with the first observation: only then is it known where from.
    """

    def __init__(
        self, node: Node, contract: Contract, period_s: float, soft_start_s: float, enabled: bool
    ) -> None:
        self._node = node
        self._command = contract.command
        limits = SafetyLimits.from_contract(contract.command)
        self._safety = Safety(limits, period_s, soft_start_s=soft_start_s)
        self._lock = threading.RLock()
        self._enable_pending = enabled
        self._restart_pending = False
        self.publisher = CommandPublisher(node, contract, period_s)
        self.reason = ""

    @property
    def state(self) -> SafetyState:
        """Where the safety state machine is."""
        return self._safety.state

    @property
    def commanding(self) -> bool:
        """Whether commands go out, or will with the next observation."""
        return self._enable_pending or self._safety.enabled

    def begin_if_pending(self, measured: NDArray[np.float64]) -> None:
        """Start where the robot stands, measured (joints,) [rad], if a start was asked for."""
        with self._lock:
            if not (self._enable_pending or self._restart_pending):
                return
            begin = self._safety.enable if self._enable_pending else self._safety.restart
            self._enable_pending = self._restart_pending = False
            result = begin(measured, self._now())
            if not result.success:
                self._node.get_logger().error(result.message)

    def act(self, action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
        """Send an action (joints,) of the policy, with the chunk it came with; whether it went."""
        positions = action_positions(self._command, action)
        steps = None if chunk is None else action_positions(self._command, chunk)
        with self._lock:
            decision = self._safety.act(positions, self._now(), steps)
            self._carry_out(decision)
        return decision.state is SafetyState.RUNNING

    def hold(self, cause: str, reason: str) -> None:
        """Hold until the next good action."""
        with self._lock:
            self._carry_out(self._safety.hold(cause, reason, self._now()))

    def watch(self) -> None:
        """Hold where no action has come in time."""
        with self._lock:
            decision = self._safety.watch(self._now())
            # Between a reset and its first observation the latched position means nothing.
            if decision is not None and not self._restart_pending:
                self._carry_out(decision)

    def restart(self) -> None:
        """An episode starts: the robot may have been moved, so begin where it stands then."""
        with self._lock:
            self._restart_pending = self.state in {SafetyState.RUNNING, SafetyState.HOLDING}

    def set_enabled(self, wanted: bool, measured: NDArray[np.float64] | None) -> tuple[bool, str]:
        """Enable from measured (joints,) [rad], or disable; whether that was done, and a word."""
        with self._lock:
            self._enable_pending = self._restart_pending = False
            self.reason = ""
            if not wanted:
                self._safety.disable()
                return True, "disabled"
            result = self._safety.enable(measured, self._now())
            return result.success, result.message

    def _carry_out(self, decision: Decision) -> None:
        if decision.positions is not None:
            self.publisher.publish(decision.positions)
        self.reason = decision.reason
        if decision.changed:
            log = self._node.get_logger()
            text = f"{decision.state.value}{': ' + decision.reason if decision.reason else ''}"
            if decision.cause:
                log.warning(text)
            else:
                log.info(text)

    def _now(self) -> float:
        nanoseconds: int = self._node.get_clock().now().nanoseconds
        return nanoseconds * 1e-9
