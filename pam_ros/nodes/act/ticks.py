# SPDX-License-Identifier: Apache-2.0
"""What the attention node is while it is configured: a policy, its topics, and the ticks.

On each tick the command goes first; maps and pictures are made afterwards.
"""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from pam_ros.nodes.act.commander import Commander, Permit
from pam_ros.nodes.act.diagnostics import Diagnostics
from pam_ros.nodes.act.engine_health import EngineHealth
from pam_ros.nodes.act.execution import make_execution
from pam_ros.nodes.act.explainer import Explainer
from pam_ros.nodes.act.explanation_request import why_no_mean
from pam_ros.nodes.act.health import Health
from pam_ros.nodes.act.map_rate import why_few_maps
from pam_ros.nodes.act.offered import what_can_be_shown
from pam_ros.nodes.act.parameters import DrawnLook, make_look
from pam_ros.nodes.act.policy_start import (
    prepare_policy,
    say_what_is_shown,
    start_policy,
)
from pam_ros.nodes.act.robot_description import complete_limits
from pam_ros.nodes.act.showing import Looked, Showing
from pam_ros.nodes.act.shown_ticks import ShownTicks
from pam_ros.nodes.act.sources import Sources
from pam_ros.nodes.act.tick_publisher import TickPublisher
from pam_ros.nodes.act.topic_names import check_topics
from pam_ros.nodes.act.words import Words
from pam_ros.nodes.guard.link import GuardLink
from pam_ros.nodes.kit.said import Said
from pam_ros.nodes.kit.steady_clock import steady_clock
from pam_ros.robot import (
    MessageError,
    build_observation,
    load_contract,
)
from pam_ros.share.folders import find_contract
from pam_ros.tick.explained import ExplainedTick
from pam_ros.tick.loop import TickLoop, longest_gap_s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from diagnostic_updater import DiagnosticStatusWrapper, Updater
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.policy.interface import PolicySpec

LOOKS = 4
"""So many times a period the watchdog looks: its hold is then out within two periods."""
STOP_S = 5.0
"""A tick under way has so long to end; one that takes longer moves nothing any more."""
STATUS = "policy"
"""What the node's status on /diagnostics is called."""


class AttentionTicks:
    """Topics and timers around TickLoop. They tick between `go` and `stop`.

    Args:
        node: on which all is made; whoever made this destroys it (Entities).
        values: of the node's parameters.
        on_start_refused: called if the robot does not start as `enabled` asked at the start.
        updater: of the node; it reports while this is open.

    Raises:
        PamRosError: something that a user can mend.
    """

    def __init__(
        self,
        node: Node,
        values: Mapping[str, Any],
        on_start_refused: Callable[[], None],
        updater: Updater,
    ) -> None:
        self._node, self._updater = node, updater
        self._said = Said(node.get_logger())
        self._on_start_refused = on_start_refused
        self._active = self._commanding = self._closed = False
        self._tick_again: Callable[[], None] = lambda: None
        self._ticking = threading.Lock()
        # A wrong contract is told at once; a policy takes its time to load, as does the guard.
        contract = complete_limits(node, load_contract(find_contract(values["contract"])))
        check_topics(node, contract)
        self._period = period = 1.0 / (values["rate_hz"] or contract.rate_hz)
        self.guard: GuardLink | None = None
        with ExitStack() as undo:
            if values["command_guard"]:
                self.guard = GuardLink(node, contract.command, period)
                undo.callback(self.guard.close)
            self.policy = policy = start_policy(values, node.get_logger().info)
            self.words = Words(node, policy, values["instruction"], contract.instruction)
            self._execution = execution = make_execution(
                values["execution"], policy, period, self._on_failure
            )
            undo.callback(execution.close)
            self._contract = contract = contract.bind(policy.spec)
            self.joints = contract.command.labels
            self.cameras = tuple(camera.name for camera in contract.cameras)
            self.no_mean = why_no_mean(policy)
            self._look = make_look(values, policy.spec, self.joints, self.no_mean, policy)
            self.health = Health(node, 1.0 / period)
            self.shown = TickPublisher(node, policy.spec, contract, period, values, self.health)
            self.shown.further.offer(self._look.further)
            timed = prepare_policy(node, policy, self._look, values, period)
            self._method = timed.method
            self._editing = timed.editing
            self._engine_health = EngineHealth(node, policy)
            self._loop = TickLoop(
                policy,
                longest_gap_s(contract.max_age_s, contract.rate_hz),
                execution.beside,
                execution.plan,
            )
            self._loop.note_forward(timed.typical_s)
            execution.note_pass(timed.typical_s)
            too_slow = execution.why_not_enabled(timed.typical_s)
            if too_slow:
                node.get_logger().warning(too_slow)
            # An observation is at most max_age_s old when it is taken; then the policy needs its
            # time.
            oldest_s = contract.max_age_s + 2 * timed.typical_s
            soft_start_s, enabled = values["soft_start_s"], values["enabled"]
            self.commander = Commander(
                *(node, contract, period, oldest_s, soft_start_s, enabled, self.guard),
                self._why_not_enabled,
                lambda: self._shown_ticks.go_on(),  # noqa: PLW0108  (it is made below)
            )
            self._shown_ticks = ShownTicks(
                Showing(
                    lambda: self.words.now,
                    *(self.commander, self.health, self.shown, self._method.note),
                ),
                *(self._loop, execution, self.commander, self._editing, self._engine_health),
            )
            # The policy has a thread of its own; images go on arriving while it works.
            self.policy_group = MutuallyExclusiveCallbackGroup()
            self.watch_group = MutuallyExclusiveCallbackGroup()
            self.sources = Sources(node, contract, values, self._start_ticking())
            self.words.listen(self.watch_group)
            self._explainer = Explainer(
                node, policy, contract, lambda: self._look, self.watch_group
            )
            self._diagnostics = Diagnostics(
                lambda: {"episode": self._loop.episode},
                lambda: {f"messages_{cause}": n for cause, n in self.sources.counts().items()},
                self.commander.values,
                lambda: self._engine_health.values(commanding=self.commander.commanding),
                self._editing.values,
                self.words.values,
                self._execution.values,
                self._method.values,
                self.shown.values,
                lambda: {"can_show": what_can_be_shown(policy, self.joints)},
            )
            self._start_watching(undo)
            if self.guard is not None:
                self.guard.wait_until_ready()
            undo.pop_all()

    def _why_not_enabled(self) -> str:
        """If the policy is too slow or too far from float32, or stamps cannot be used."""
        too_slow = self._execution.why_not_enabled(self._loop.forward.typical)
        faults = self.sources.stamp_faults()
        return (
            too_slow
            or self._engine_health.why_not_enabled()
            or (f"not enabled: {'; '.join(faults)}" if faults else "")
        )

    @property
    def spec(self) -> PolicySpec:
        """Of the policy; other words may give it other tokens."""
        return self.policy.spec

    def _start_ticking(self) -> Callable[[], None] | None:
        """Tick by a timer, or by what is returned: to be called whenever a message came."""
        node = self._node
        if self._contract.trigger is not None:
            condition = node.create_guard_condition(self._tick, self.policy_group)
            trigger: Callable[[], None] = condition.trigger
            return trigger
        simulated = node.get_parameter("use_sim_time").value
        clock = None if simulated else steady_clock()
        node.create_timer(self._period, self._tick, self.policy_group, clock=clock)
        if not simulated:
            # A timer that is late goes on with its next whole period.
            self._tick_again = node.create_guard_condition(self._tick, self.policy_group).trigger
        return None

    def _start_watching(self, undo: ExitStack) -> None:
        clock, group = steady_clock(), self.watch_group
        watch = self.commander.watch
        self._node.create_timer(self._period / LOOKS, watch, group, clock=clock)
        self._updater.add(STATUS, self._report)
        self._reporting = self._node.create_timer(
            self._updater.period, self._updater.update, group, clock=clock
        )
        undo.callback(self._stop_reporting)

    def _stop_reporting(self) -> None:
        self._node.destroy_timer(self._reporting)
        self._updater.removeByName(STATUS)

    @property
    def look(self) -> DrawnLook:
        """What is shown, and how."""
        return self._look

    def change_look(self, look: DrawnLook) -> None:
        """Show otherwise from the next tick on."""
        self._look = look
        self.shown.further.offer(look.further)
        say_what_is_shown(self._node, look)

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
        self._shown_ticks.resume()
        self._active = True

    def stop(self) -> None:
        """No tick any more; an enabled robot is held where its last command left it."""
        self._active = False
        self._shown_ticks.pause()
        self.commander.pause("the node is not active")
        # A policy that hangs must not keep the node from stopping.
        if self._ticking.acquire(timeout=STOP_S):
            self._execution.drop("the node is not active")
            self._loop.forget_plan()
            self._ticking.release()
        self.commander.pause("the node is not active")

    def close(self) -> None:
        """Before all is destroyed: command nothing any more, and let what is under way end."""
        self._active, self._closed = False, True
        self._shown_ticks.pause()
        self.commander.close()
        self._execution.close()
        self._explainer.close()
        self._stop_reporting()

    def reset(self) -> str:
        """Start an episode, where the robot stands by then; says which."""
        with self._ticking:
            self._execution.drop("an episode began")
            self._loop.reset()
            self.sources.clear()
            self.commander.restart()
        return f"episode {self._loop.episode}"

    def _tick(self) -> None:
        with self._ticking:
            if not self._active:
                return
            begin = time.perf_counter()
            try:
                self._tick_once()
                if not self._commanding and time.perf_counter() - begin > self._period:
                    self._tick_again()
            except Exception as error:  # noqa: BLE001  (whatever it is: the robot holds)
                self._on_failure(error)

    def _on_failure(self, error: Exception) -> None:
        """Something that nobody has foreseen, in a tick or beside it."""
        if not self._node.context.ok() or self._closed:
            return  # the node is on its way out
        self.commander.fault("tick", f"{type(error).__name__}: {error}")
        self._said.error("".join(traceback.format_exception(error)), state=repr(type(error)))

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
        if self.commander.commanding:
            self._engine_health.check_first(observation.features)
        if not self.commander.begin_if_pending(observation.measured):
            self._on_start_refused()
        self.health.age.add((self._now_ns() - messages.oldest_ns) * 1e-9)

        if self.words.take(self._loop):
            self._execution.drop("the instruction changed")
        permit = self._permit()

        def act(action: NDArray[np.float32], chunk: NDArray[np.float32] | None) -> bool:
            age = (self._now_ns() - messages.stamp_ns) * 1e-9
            sent = self._active and self.commander.act(action, chunk, age, permit)
            self.health.stages["observation_to_command"].add(
                (self._now_ns() - messages.stamp_ns) * 1e-9
            )
            return sent

        look = self._look  # once: it may be changed meanwhile
        shown = self._method.resolved(look.selection, self._loop.forward.typical)
        look = replace(look, selection=shown)
        look.selection.apply_to(self.policy)
        self._shown_ticks.begin()
        outcome = self._loop.run(
            observation.features,
            act,
            lambda: self._period - (time.perf_counter() - begin) - self._shown_ticks.seconds,
            messages.stamp_ns,
            commanding=permit.commanding,
            permit=permit.number,
        )
        if outcome.dry:
            self.commander.hold("queue", "the policy's next chunk is not there yet")
        if not self._active:
            return
        looked = Looked(look, messages, observation, self.spec, self.words.now)
        self._explainer.remember(ExplainedTick(messages, observation, outcome, None))
        self._shown_ticks.show(looked, outcome, permit)
        self.health.stages["tick"].add(time.perf_counter() - begin)

    def _permit(self) -> Permit:
        """What this tick's action may do; maps are counted anew when that changes."""
        permit = self.commander.permit()
        if permit.commanding != self._commanding:
            self.health.maps.begin()
        self._commanding = permit.commanding
        return permit

    def _report(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        return self.health.report(
            status,
            self._loop.ticks,
            self.commander.state,
            self.commander.reason,
            self.sources.reason() if self._active else "the node is not active",
            self._diagnostics.values(),
            why_few_maps(
                self.policy.engine,
                self.spec.device,
                forward_s=self.health.stages["forward"].p50,
                show_s=self.health.stages["show"].p50,
                period_s=self._period,
                skipped=self.health.maps.skipped,
                chunk_s=self._execution.chunk_s,
            ),
            self.commander.no_effect,
        )

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)
