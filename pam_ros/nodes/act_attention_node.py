# SPDX-License-Identifier: Apache-2.0
"""The inference node: observations in, commands, attention maps and overlays out.

On each tick the command goes first; maps and pictures are made afterwards. `enabled` is false at
start-up: everything is shown, nothing is commanded.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from pam_ros.attention.errors import AttentionError
from pam_ros.msg import AttentionMap
from pam_ros.nodes.act_parameters import LIVE, TABLE, Look, check_required, make_look
from pam_ros.nodes.attention_messages import attention_message
from pam_ros.nodes.commander import Commander
from pam_ros.nodes.engine_health import EngineHealth
from pam_ros.nodes.explainer import Explainer, Seen
from pam_ros.nodes.explanation_request import check_explainable, why_no_mean
from pam_ros.nodes.feature_editing import TABLE as EDIT_TABLE
from pam_ros.nodes.feature_editing import FeatureEditing
from pam_ros.nodes.health import Health
from pam_ros.nodes.image_conversion import to_rgb
from pam_ros.nodes.overlay_publisher import OverlayPublisher
from pam_ros.nodes.parameters import ParameterError, declare
from pam_ros.nodes.policy_start import start_policy, time_policy
from pam_ros.nodes.running import run_node
from pam_ros.nodes.sources import Sources
from pam_ros.nodes.token_publisher import TokenPublisher
from pam_ros.robot import (
    MessageError,
    Observation,
    ObservationSet,
    action_positions,
    build_observation,
    load_contract,
)
from pam_ros.share import find_contract
from pam_ros.tick import TickLoop, TickOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps

QUIET_REPORTS = 3
"""After so many seconds without a tick the log says why."""


class ActAttentionNode(Node):
    """Parameters, topics and timers around TickLoop."""

    def __init__(self) -> None:
        super().__init__("act_attention")
        self._values = declare(self, (*TABLE, *EDIT_TABLE))
        check_required(self._values)
        contract = load_contract(find_contract(self._values["contract"]))
        self._policy = start_policy(self._values)
        self._spec = self._policy.spec
        self._contract = contract.bind(self._spec)
        self._joints = tuple(joint.name for joint in self._contract.command.joints)
        self._no_mean = why_no_mean(self._policy)
        self._changing = threading.Lock()
        self._look = make_look(self._values, self._spec, self._joints, self._no_mean)
        self._period = 1.0 / (self._values["rate_hz"] or self._contract.rate_hz)
        self._loop = TickLoop(self._policy)
        self._health = Health(self, 1.0 / self._period)
        # What maps and pictures took lately [s]: they too delay the next command.
        self._show_seconds = 0.0
        self._reported_ticks = 0
        self._quiet_reports = 0

        self._commander = Commander(
            self,
            self._contract,
            self._period,
            self._values["soft_start_s"],
            self._values["enabled"],
        )
        self._maps = self.create_publisher(AttentionMap, "~/attention", 10)
        self._overlays = OverlayPublisher(self, self._contract)
        layer = self._values["tokens_layer"]
        self._policy.take_tokens(layer)
        self._tokens = TokenPublisher(self, self._spec, layer, self._values["tokens_sampler"])
        self._editing = FeatureEditing(self, self._policy, self._values)
        # With the weights that will be shown: they take time too.
        self._look.selection.ask(self._policy)
        self._loop.note_forward(time_policy(self, self._policy, self._period))
        self._engine_health = EngineHealth(self, self._policy)

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
        self._explainer = Explainer(
            self, self._policy, self._contract, lambda: self._look, watch_group
        )
        self.create_timer(self._period, self._commander.watch, watch_group)
        self.create_timer(1.0, self._report, watch_group)
        self.add_on_set_parameters_callback(self._on_parameters)

    def _tick(self) -> None:
        begin = time.perf_counter()
        messages = self._sources.newest(self._now_ns())
        if messages is None:
            return
        try:
            observation = build_observation(
                self._contract, messages, self._spec.environment_dim, to_rgb
            )
        except MessageError as error:
            self._health.bad_message("tick", str(error))
            return
        self._commander.begin_if_pending(observation.measured)

        def act(action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
            sent = self._commander.act(action, chunk)
            age = (self._now_ns() - messages.stamp_ns) * 1e-9
            self._health.stages["observation_to_command"].add(age)
            return sent

        look = self._look
        look.selection.ask(self._policy)
        outcome = self._loop.run(
            observation.features,
            act,
            lambda: self._period - (time.perf_counter() - begin) - self._show_seconds,
        )
        shown = time.perf_counter()
        self._explainer.newest = Seen(outcome, messages, observation)
        self._show(look, outcome, messages, observation)
        # Without what follows: it waits until no command does, or is not part of every tick.
        self._show_seconds = max(0.9 * self._show_seconds, time.perf_counter() - shown)
        if outcome.valid and not self._commander.commanding:
            self._engine_health.look_at(observation.features)
        if outcome.valid:
            self._editing.look_at(observation.features, outcome)
        self._health.stages["tick"].add(time.perf_counter() - begin)

    def _show(
        self, look: Look, outcome: TickOutcome, messages: ObservationSet, observation: Observation
    ) -> None:
        maps: AttentionMaps | None = None
        if outcome.output is not None:
            self._health.stages["forward"].add(outcome.output.forward_seconds)
        if outcome.valid and outcome.output is not None:
            try:
                maps = look.selection.maps(outcome.output, self._spec)
            except AttentionError as error:
                outcome = outcome.made_invalid(str(error))
        if outcome.inference_skipped:
            self._health.counts["inference_skipped"] += 1
        elif maps is None:
            self._health.counts["invalid_ticks"] += 1
            self._health.invalid = outcome.invalid_reason
            self._commander.hold("policy", outcome.invalid_reason)
        else:
            self._health.invalid = ""
        message = attention_message(
            outcome, self._spec, self._contract, messages, observation, maps
        )
        self._maps.publish(message)
        self._tokens.publish(outcome, message.header)
        if maps is not None:
            self._draw(look, messages, observation, maps)
            if outcome.output is not None:
                chunk = action_positions(self._contract.command, outcome.output.chunk)
                self._commander.publisher.publish_chunk(chunk, messages.stamp_ns)

    def _draw(
        self, look: Look, messages: ObservationSet, observation: Observation, maps: AttentionMaps
    ) -> None:
        """Overlays, whatever happens: a picture that cannot be drawn must not end the node."""
        if not self._overlays.wanted():
            return
        try:
            self._overlays.publish(look, messages, observation, maps)
        except Exception as error:  # noqa: BLE001  (OpenCV and NumPy raise many types)
            self._health.counts["overlay_errors"] += 1
            self.get_logger().error(f"overlay: {error}", throttle_duration_sec=1.0)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._loop.reset()
        self._sources.clear()
        self._commander.restart()
        response.success = True
        response.message = f"episode {self._loop.episode}"
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        # By the parameter, so that both always say the same.
        (result,) = self.set_parameters([Parameter("enabled", value=request.data)])
        response.success = result.successful
        response.message = result.reason or ("enabled" if request.data else "disabled")
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        # ~/enable and the parameter services come in threads of their own.
        with self._changing:
            return self._change(parameters)

    def _change(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters}
        changed = {name: value for name, value in given.items() if name in LIVE}
        for entry in TABLE:
            problem = entry.problem(changed[entry.name]) if entry.name in changed else None
            if problem:
                return SetParametersResult(successful=False, reason=problem)
        try:
            check_explainable(changed, self._spec)
            values = {**self._values, **changed}
            look = make_look(values, self._spec, self._joints, self._no_mean)
            if not any(name.startswith(("attention_", "overlay_scale")) for name in changed):
                # The running scale remembers the last ticks; nothing that it depends on changes.
                look = replace(look, scale=self._look.scale)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if "enabled" in changed:
            measured = self._sources.latest_measured()
            done, reason = self._commander.set_enabled(changed["enabled"], measured)
            if not done:
                return SetParametersResult(successful=False, reason=reason)
        self._values.update(changed)
        self._look = look
        return SetParametersResult(successful=True)

    def _report(self) -> None:
        reasons = (self._commander.reason, self._sources.reason())
        quiet = self._loop.ticks == self._reported_ticks
        self._quiet_reports = self._quiet_reports + 1 if quiet else 0
        self._reported_ticks = self._loop.ticks
        if self._quiet_reports >= QUIET_REPORTS:
            self.get_logger().warning(f"no tick: {reasons[1]}", throttle_duration_sec=10.0)
        for cause, count in self._sources.counts().items():
            self._health.counts[f"messages_{cause}"] = count
        self._health.publish(
            self._loop.ticks,
            self._commander.state,
            "; ".join(reason for reason in reasons if reason),
            {
                "episode": self._loop.episode,
                "commands": self._commander.publisher.published,
                "tokens": self._tokens.published,
                **self._engine_health.values(commanding=self._commander.commanding),
                **self._editing.values(),
                **{f"overlays_{name}": n for name, n in self._overlays.published.items()},
            },
        )

    def close(self) -> None:
        """Before the node is destroyed: let an explanation end."""
        self._explainer.close()

    def _now_ns(self) -> int:
        nanoseconds: int = self.get_clock().now().nanoseconds
        return nanoseconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros act_attention`."""
    # Read when torch is loaded, later: its threads wait asleep. Spinning, they would take the cores
    # that the camera drivers and the robot's need.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    return run_node(ActAttentionNode, arguments, threads=3)
