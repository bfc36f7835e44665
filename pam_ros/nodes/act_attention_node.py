# SPDX-License-Identifier: Apache-2.0
"""The inference node: observations in, commands, attention maps and overlays out.

On each tick the command goes first; maps and pictures are made afterwards. `enabled` is false at
start-up: everything is shown, nothing is commanded.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import AttentionMaps, attention_maps
from pam_ros.msg import AttentionMap
from pam_ros.nodes.act_parameters import LIVE, TABLE, check_required, make_look
from pam_ros.nodes.attention_messages import attention_message
from pam_ros.nodes.command_publisher import CommandPublisher
from pam_ros.nodes.health import Health
from pam_ros.nodes.overlay_publisher import OverlayPublisher
from pam_ros.nodes.parameters import ParameterError, declare
from pam_ros.nodes.running import run_node
from pam_ros.nodes.sources import Sources
from pam_ros.policy import load_policy
from pam_ros.robot import (
    MessageError,
    Observation,
    ObservationSet,
    Safety,
    SafetyLimits,
    SafetyState,
    action_positions,
    build_observation,
    load_contract,
)
from pam_ros.share import find_contract
from pam_ros.tick import TickLoop, TickOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rclpy.parameter import Parameter

    from pam_ros.policy.interface import Policy
    from pam_ros.robot.safety import Decision

WARM_UPS = 5


class ActAttentionNode(Node):
    """Parameters, topics and timers around TickLoop."""

    def __init__(self) -> None:
        super().__init__("act_attention")
        self._values = declare(self, TABLE)
        check_required(self._values)
        contract = load_contract(find_contract(self._values["contract"]))
        self._policy = _load(self._values)
        self._spec = self._policy.spec
        self._contract = contract.bind(self._spec)
        self._look = make_look(self._values, self._spec)
        self._period = 1.0 / (self._values["rate_hz"] or self._contract.rate_hz)
        self._loop = TickLoop(self._policy)
        self._safety = Safety(SafetyLimits.from_contract(self._contract.command), self._period)
        self._safety_lock = threading.RLock()
        self._safety_reason = ""
        # Commands begin with the first joint state: only then is there a place to start from.
        self._enable_pending: bool = self._values["enabled"]
        self._restart_pending = False
        self._health = Health(self, 1.0 / self._period)

        self._commands = CommandPublisher(self, self._contract, self._period)
        self._maps = self.create_publisher(AttentionMap, "~/attention", 10)
        self._overlays = OverlayPublisher(self, self._contract)
        self._warm_up()

        # The policy has a thread of its own; images go on arriving while it works.
        policy_group = MutuallyExclusiveCallbackGroup()
        watch_group = MutuallyExclusiveCallbackGroup()
        ready = None
        if self._contract.trigger is None:
            self.create_timer(self._period, self._tick, policy_group)
        else:
            ready = self.create_guard_condition(self._tick, policy_group).trigger
        self._sources = Sources(self, self._contract, self._values, ready)
        self.create_service(Trigger, "~/reset", self._on_reset, callback_group=policy_group)
        self.create_service(SetBool, "~/enable", self._on_enable, callback_group=watch_group)
        self.create_timer(self._period, self._watch, watch_group)
        self.create_timer(1.0, self._report, watch_group)
        self.add_on_set_parameters_callback(self._on_parameters)

    def _warm_up(self) -> None:
        """Times the policy on an empty observation and warns where it cannot keep the rate."""
        features: dict[str, NDArray[Any]] = {
            camera.feature: np.zeros((camera.height, camera.width, 3), np.uint8)
            for camera in self._spec.cameras
        }
        if self._spec.state_feature:
            features[self._spec.state_feature] = np.zeros(self._spec.state_dim, np.float32)
        if self._spec.environment_feature:
            features[self._spec.environment_feature] = np.zeros(
                self._spec.environment_dim, np.float32
            )
        seconds = [self._policy.explain(features).forward_seconds for _ in range(WARM_UPS)]
        self._policy.reset()
        typical = float(np.median(seconds[1:]))
        self._loop.note_forward(typical)
        self.get_logger().info(
            f"policy {self._spec.name} on {self._spec.device}: {self._spec.chunk_mode}, "
            f"{len(self._spec.cameras)} cameras, {typical * 1e3:.0f} ms per forward pass"
        )
        if typical > 0.9 * self._period:
            self.get_logger().warning(
                f"{1 / self._period:.1f} Hz cannot be kept: a forward pass takes "
                f"{typical * 1e3:.0f} ms; lower rate_hz to {0.9 / typical:.1f} or change device"
            )

    def _tick(self) -> None:
        begin = time.perf_counter()
        messages = self._sources.newest(self._now_ns())
        if messages is None:
            return
        try:
            observation = build_observation(self._contract, messages, self._spec.environment_dim)
        except MessageError as error:
            self._health.bad_message("tick", str(error))
            return
        self._begin_if_pending(messages)

        def act(action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
            sent = self._act(action, chunk)
            age = (self._now_ns() - messages.stamp_ns) * 1e-9
            self._health.stages["observation_to_command"].add(age)
            return sent

        outcome = self._loop.run(
            observation.features, act, lambda: self._period - (time.perf_counter() - begin)
        )
        self._show(outcome, messages, observation)
        self._health.stages["tick"].add(time.perf_counter() - begin)

    def _act(self, action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
        command = self._contract.command
        positions = action_positions(command, action)
        steps = None if chunk is None else action_positions(command, chunk)
        with self._safety_lock:
            decision = self._safety.act(positions, self._now_ns() * 1e-9, steps)
            self._carry_out(decision)
        return decision.state is SafetyState.RUNNING

    def _show(
        self, outcome: TickOutcome, messages: ObservationSet, observation: Observation
    ) -> None:
        maps: AttentionMaps | None = None
        look = self._look
        if outcome.output is not None:
            self._health.stages["forward"].add(outcome.output.forward_seconds)
        if outcome.valid and outcome.output is not None:
            choice = look.selection
            try:
                maps = attention_maps(
                    outcome.output.attention,
                    self._spec.layout,
                    layer=choice.layer,
                    head=choice.head,
                    query=choice.query,
                )
            except AttentionError as error:
                outcome = outcome.made_invalid(str(error))
        if outcome.inference_skipped:
            self._health.counts["inference_skipped"] += 1
        elif maps is None:
            self._health.counts["invalid_ticks"] += 1
            self._hold("policy", outcome.invalid_reason)
        self._maps.publish(
            attention_message(outcome, self._spec, self._contract, messages, observation, maps)
        )
        if maps is not None:
            if self._overlays.wanted():
                self._overlays.publish(look, messages, observation, maps)
            if outcome.output is not None:
                chunk = action_positions(self._contract.command, outcome.output.chunk)
                self._commands.publish_chunk(chunk, messages.stamp_ns)

    def _hold(self, cause: str, reason: str) -> None:
        with self._safety_lock:
            self._carry_out(self._safety.hold(cause, reason, self._now_ns() * 1e-9))

    def _watch(self) -> None:
        with self._safety_lock:
            decision = self._safety.watch(self._now_ns() * 1e-9)
            # Between a reset and its first observation the latched position means nothing.
            if decision is not None and not self._restart_pending:
                self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if decision.positions is not None:
            self._commands.publish(decision.positions)
        self._safety_reason = decision.reason
        if decision.changed:
            log = self.get_logger()
            text = f"{decision.state.value}{': ' + decision.reason if decision.reason else ''}"
            log.warning(text) if decision.cause else log.info(text)

    def _begin_if_pending(self, messages: ObservationSet) -> None:
        if not (self._enable_pending or self._restart_pending):
            return
        with self._safety_lock:
            begin = self._safety.enable if self._enable_pending else self._safety.restart
            self._enable_pending = self._restart_pending = False
            result = begin(self._sources.measured(messages), self._now_ns() * 1e-9)
            if not result.success:
                self.get_logger().error(result.message)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._loop.reset()
        self._sources.clear()
        with self._safety_lock:
            # The robot may have been moved between episodes: begin where it stands now.
            self._restart_pending = self._safety.state in {
                SafetyState.RUNNING,
                SafetyState.HOLDING,
            }
        response.success = True
        response.message = f"episode {self._loop.episode}"
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success, response.message = self._set_enabled(request.data)
        return response

    def _set_enabled(self, wanted: bool) -> tuple[bool, str]:
        with self._safety_lock:
            self._enable_pending = False
            if not wanted:
                self._safety.disable()
                return True, "disabled"
            result = self._safety.enable(self._sources.latest_measured(), self._now_ns() * 1e-9)
            return result.success, result.message

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters}
        changed = {name: value for name, value in given.items() if name in LIVE}
        for entry in TABLE:
            problem = entry.problem(changed[entry.name]) if entry.name in changed else None
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        try:
            look = make_look({**self._values, **changed}, self._spec)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if "enabled" in changed:
            done, reason = self._set_enabled(changed["enabled"])
            if not done:
                return SetParametersResult(successful=False, reason=reason)
        self._values.update(changed)
        self._look = look
        return SetParametersResult(successful=True)

    def _report(self) -> None:
        for cause, count in self._sources.counts().items():
            self._health.counts[f"messages_{cause}"] = count
        self._health.publish(
            self._loop.ticks,
            self._safety.state,
            self._safety_reason or self._sources.reason(),
            {
                "episode": self._loop.episode,
                "commands": self._commands.published,
                **{f"overlays_{name}": n for name, n in self._overlays.published.items()},
            },
        )

    def _now_ns(self) -> int:
        nanoseconds: int = self.get_clock().now().nanoseconds
        return nanoseconds


def _load(values: dict[str, Any]) -> Policy:
    if values["torch_threads"]:
        import torch  # noqa: PLC0415  (a setting of this process, not of the policy)

        torch.set_num_threads(values["torch_threads"])
    return load_policy(
        values["policy"],
        device=values["device"],
        revision=values["revision"] or None,
        n_action_steps=values["n_action_steps"] or None,
        temporal_ensemble_coeff=(
            values["temporal_ensemble_coeff"] if values["temporal_ensemble"] else None
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros act_attention`."""
    return run_node(ActAttentionNode, arguments, threads=3)
