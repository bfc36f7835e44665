# SPDX-License-Identifier: Apache-2.0
"""What the attention node is while it is configured: a policy, its topics, and the ticks.

On each tick the command goes first; maps and pictures are made afterwards.
"""

from __future__ import annotations

import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.command_publisher import ChunkPublisher
from pam_ros.nodes.act.commander import Commander, Permit
from pam_ros.nodes.act.engine_health import EngineHealth
from pam_ros.nodes.act.explainer import Explainer
from pam_ros.nodes.act.explanation_request import why_no_mean
from pam_ros.nodes.act.feature_editing import FeatureEditing
from pam_ros.nodes.act.health import Health
from pam_ros.nodes.act.map_rate import why_few_maps
from pam_ros.nodes.act.overlay_publisher import OverlayPublisher
from pam_ros.nodes.act.parameters import Look, make_look
from pam_ros.nodes.act.policy_start import start_policy, time_policy
from pam_ros.nodes.act.robot_description import complete_limits
from pam_ros.nodes.act.sources import Sources
from pam_ros.nodes.act.token_publisher import TokenPublisher
from pam_ros.nodes.guard.link import GuardLink
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.robot import (
    MessageError,
    Observation,
    build_observation,
    load_contract,
)
from pam_ros.share.folders import find_contract
from pam_ros.tick.attention_map import AttentionMapMaker
from pam_ros.tick.explained import explain
from pam_ros.tick.loop import TickLoop, longest_gap_s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.robot import ObservationSet
    from pam_ros.tick.explained import ExplainedTick
    from pam_ros.tick.loop import TickOutcome

LOOKS = 4
"""So many times a period the watchdog looks: its hold is then out within two periods."""
STOP_S = 5.0
"""A tick under way has so long to end; one that takes longer moves nothing any more."""


class AttentionTicks:
    """Topics and timers around TickLoop. They tick between `go` and `stop`.

    Args:
        node: on which all is made; whoever made this destroys it (Entities).
        values: of the node's parameters.

    Raises:
        PamRosError: something that a user can mend.
    """

    def __init__(self, node: Node, values: Mapping[str, Any]) -> None:
        self._node = node
        self._active = False
        self._ticking = threading.Lock()
        self.on_start_refused: Callable[[], None] = lambda: None
        """Called where the robot does not start as `enabled` asked at the start."""
        # A wrong contract is told at once; a policy takes its time to load, as does the guard.
        contract = complete_limits(node, load_contract(find_contract(values["contract"])))
        self._period = 1.0 / (values["rate_hz"] or contract.rate_hz)
        guard = self.guard = None
        if values["command_guard"]:
            guard = self.guard = GuardLink(node, contract.command, self._period)
        try:
            self.policy = start_policy(values)
            spec = self.spec = self.policy.spec
            contract = self._contract = contract.bind(spec)
            self.joints = tuple(joint.name for joint in contract.command.joints)
            self.no_mean = why_no_mean(self.policy)
            self.look = make_look(values, spec, self.joints, self.no_mean)
            self.commander = Commander(
                node, contract, self._period, values["soft_start_s"], values["enabled"], guard
            )
            self._make_topics(values)
            if guard is not None:
                guard.wait_until_ready()
        except BaseException:
            if guard is not None:
                guard.close()
            raise

    def _make_topics(self, values: Mapping[str, Any]) -> None:
        node, policy = self._node, self.policy
        contract = self._contract
        self._loop = TickLoop(policy, longest_gap_s(contract.max_age_s, contract.rate_hz))
        self.health = Health(node, 1.0 / self._period)
        # What maps and pictures took lately [s]: they too delay the next command.
        self._show_seconds = 0.0
        self._commanding = False
        self._maps = node.create_publisher(AttentionMap, "~/attention", 10)
        self._map_maker = AttentionMapMaker(RosMessages(), self.spec, contract)
        self.chunks = ChunkPublisher(node, self._contract.command, self._period)
        self._overlays = OverlayPublisher(node, self._contract)
        policy.take_tokens(values["tokens_layer"])
        self.tokens = TokenPublisher(
            node, self.spec, values["tokens_layer"], values["tokens_sampler"]
        )
        self._editing = FeatureEditing(node, policy, values)
        # With the weights that will be shown: they take time too.
        self.look.selection.ask(policy)
        typical = time_policy(node, policy, self._period)
        self._loop.note_forward(typical)
        # An observation is at most max_age_s old when it is taken; then the policy needs its time.
        self.commander.oldest_s = self._contract.max_age_s + 2 * typical
        self._engine_health = EngineHealth(node, policy)

        # The policy has a thread of its own; images go on arriving while it works.
        self.policy_group = MutuallyExclusiveCallbackGroup()
        self.watch_group = MutuallyExclusiveCallbackGroup()
        ready = None
        # A wall clock that is set back stops the timers on it; ticks follow simulated time alone.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        simulated = node.get_parameter("use_sim_time").value
        if self._contract.trigger is None:
            node.create_timer(
                self._period, self._tick, self.policy_group, clock=None if simulated else steady
            )
        else:
            ready = node.create_guard_condition(self._tick, self.policy_group).trigger
        self.sources = Sources(node, self._contract, values, ready)
        self._explainer = Explainer(
            node, policy, self._contract, lambda: self.look, self.watch_group
        )
        look_s = self._period / LOOKS
        node.create_timer(look_s, self.commander.watch, self.watch_group, clock=steady)
        node.create_timer(1.0, self._report, self.watch_group, clock=steady)

    def go(self) -> None:
        """Tick from now on: a new episode, and nothing that arrived before counts.

        Raises:
            TimeoutError: a tick from before is still under way.
        """
        if not self._ticking.acquire(timeout=STOP_S):
            raise TimeoutError("a tick from before has not ended: the policy hangs")
        if self._loop.ticks:
            self._loop.reset()
        self.sources.clear()
        self.health.maps.begin()
        self._ticking.release()
        self.commander.resume()
        self._active = True

    def stop(self) -> None:
        """No tick any more; an enabled robot is held where its last command left it."""
        self._active = False
        self.commander.hold("inactive", "the node is not active")
        # A policy that hangs must not keep the node from stopping.
        if self._ticking.acquire(timeout=STOP_S):
            self._ticking.release()
        self.commander.hold("inactive", "the node is not active")

    def close(self) -> None:
        """Before all is destroyed: command nothing any more, and let an explanation end."""
        self._active = False
        self.commander.close()
        self._explainer.close()

    def reset(self) -> str:
        """Start an episode, where the robot stands by then; says which."""
        with self._ticking:
            self._loop.reset()
            self.sources.clear()
            self.commander.restart()
        return f"episode {self._loop.episode}"

    def _tick(self) -> None:
        with self._ticking:
            if not self._active:
                return
            try:
                self._tick_once()
            except Exception as error:  # noqa: BLE001  (whatever it is: the robot holds)
                if not self._node.context.ok():
                    return  # the node is on its way out
                self.commander.fault("tick", f"{type(error).__name__}: {error}")
                self._node.get_logger().error(
                    "".join(traceback.format_exception(error)), throttle_duration_sec=1.0
                )

    def _tick_once(self) -> None:
        begin = time.perf_counter()
        messages = self.sources.newest(self._now_ns())
        if messages is None:
            return
        try:
            observation = build_observation(self._contract, messages, self.spec.environment_dim)
        except MessageError as error:
            self.health.bad_message("tick", str(error))
            return
        if not self.commander.begin_if_pending(observation.measured):
            self.on_start_refused()
        self.health.age.add((self._now_ns() - messages.oldest_ns) * 1e-9)

        permit = self._permit()

        def act(action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
            age = (self._now_ns() - messages.stamp_ns) * 1e-9
            sent = self._active and self.commander.act(action, chunk, age, permit)
            self.health.stages["observation_to_command"].add(
                (self._now_ns() - messages.stamp_ns) * 1e-9
            )
            return sent

        look = self.look
        look.selection.ask(self.policy)
        outcome = self._loop.run(
            observation.features,
            act,
            lambda: self._period - (time.perf_counter() - begin) - self._show_seconds,
            messages.stamp_ns,
            commanding=permit.commanding,
            permit=permit.number,
        )
        if not self._active:
            return
        shown = time.perf_counter()
        self._show(look, outcome, messages, observation)
        # Without what follows: it waits until no command does, or is not part of every tick.
        self._show_seconds = max(0.9 * self._show_seconds, time.perf_counter() - shown)
        if outcome.valid and not self.commander.commanding:
            self._engine_health.look_at(observation.features)
        if outcome.valid:
            self._editing.look_at(observation.features, outcome)
        self.health.stages["tick"].add(time.perf_counter() - begin)

    def _permit(self) -> Permit:
        """What this tick's action may do; maps are counted anew when that changes."""
        permit = self.commander.permit()
        if permit.commanding != self._commanding:
            self.health.maps.begin()
        self._commanding = permit.commanding
        return permit

    def _show(
        self, look: Look, outcome: TickOutcome, inputs: ObservationSet, observation: Observation
    ) -> None:
        begin = time.perf_counter()
        tick = explain(inputs, observation, outcome, look.selection, self.spec)
        self._explainer.remember(tick)
        if not (outcome.valid or outcome.inference_skipped):
            # A policy that fails, or computes what is no number, is not merely late.
            self.commander.fault("policy", outcome.invalid_reason)
        elif outcome.valid and tick.maps is None:
            self.commander.hold("attention", tick.outcome.invalid_reason)
        self.health.add_tick(tick)
        message = self._map_maker.make(tick)
        self._maps.publish(message)
        self.tokens.publish(tick.outcome, message.header)
        if tick.maps is None:
            return
        self._draw(look, tick)
        if outcome.output is not None:
            self.chunks.publish(outcome.output.chunk, inputs.stamp_ns)
        self.health.stages["show"].add(time.perf_counter() - begin)

    def _draw(self, look: Look, tick: ExplainedTick) -> None:
        """Overlays, whatever happens: a picture that cannot be drawn must not end the node."""
        if not self._overlays.wanted():
            return
        try:
            self._overlays.publish(look, tick)
        except Exception as error:  # noqa: BLE001  (OpenCV and NumPy raise many types)
            self.health.counts["overlay_errors"] += 1
            self._node.get_logger().error(f"overlay: {error}", throttle_duration_sec=1.0)

    def _report(self) -> None:
        self.health.publish(
            self._loop.ticks,
            self.commander.state,
            self.commander.reason,
            self.sources.reason() if self._active else "the node is not active",
            {
                "episode": self._loop.episode,
                "tokens": self.tokens.published,
                **{f"messages_{cause}": n for cause, n in self.sources.counts().items()},
                **self.commander.values(),
                **self._engine_health.values(commanding=self.commander.commanding),
                **self._editing.values(),
                **{f"overlays_{name}": n for name, n in self._overlays.published.items()},
            },
            why_few_maps(
                self.policy.engine,
                self.spec.device,
                forward_s=self.health.stages["forward"].p50,
                show_s=self.health.stages["show"].p50,
                period_s=self._period,
                skipped=self.health.maps.skipped,
            ),
        )

    def _now_ns(self) -> int:
        nanoseconds: int = self._node.get_clock().now().nanoseconds
        return nanoseconds
