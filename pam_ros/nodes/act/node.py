# SPDX-License-Identifier: Apache-2.0
"""The inference node: observations in, commands, attention maps and overlays out.

A managed node: configuring loads and warms the policy, activating starts the ticks, deactivating
holds the robot, cleaning up frees the memory. `autostart` does the first two by itself. `enabled`
is false at start-up: everything is shown, nothing is commanded.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from rcl_interfaces.msg import SetParametersResult
from rclpy._rclpy_pybind11 import RCLError
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from pam_ros.nodes.act.explanation_request import check_explainable
from pam_ros.nodes.act.feature_editing import TABLE as EDIT_TABLE
from pam_ros.nodes.act.parameter_table import LIVE, TABLE
from pam_ros.nodes.act.parameters import check_required, make_look
from pam_ros.nodes.act.start_words import start_words
from pam_ros.nodes.act.target_topic import TargetTopic
from pam_ros.nodes.act.ticks import AttentionTicks
from pam_ros.nodes.kit.entities import Entities
from pam_ros.nodes.kit.parameters import ParameterError, declare
from pam_ros.nodes.kit.reports import make_updater
from pam_ros.nodes.kit.respawn import RunMark
from pam_ros.nodes.kit.running import leave_within, run_node
from pam_ros.nodes.kit.transitions import guard_requests, logged
from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAVE_S = 5.0
"""So long a policy that is still computing has to end once the node has."""
_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class ActAttentionNode(LifecycleNodeMixin, Node):
    """Parameters, transitions and services around AttentionTicks."""

    def __init__(self) -> None:
        Node.__init__(self, "act_attention")
        # A group of their own: what asks for the state or a parameter is answered while one of
        # them loads the policy.
        LifecycleNodeMixin.__init__(self, callback_group=ReentrantCallbackGroup())
        self._transition = threading.Lock()
        guard_requests(self, self._transition)
        self._values = declare(self, (*TABLE, *EDIT_TABLE))
        check_required(self._values)
        self._updater = make_updater(self)
        self._changing = threading.Lock()
        self._ticks: AttentionTicks | None = None
        self._made: Entities | None = None
        self._active = False
        self._failure: Exception | None = None
        self._mark = RunMark(self.get_fully_qualified_name())
        why_not = self._mark.begin() if self._values["enabled"] else ""
        if why_not:
            self.get_logger().error(f"comes up disabled, for ~/enable to change: {why_not}")
            self.set_parameters([Parameter("enabled", value=False)])
            self._values["enabled"] = False
        self.add_on_set_parameters_callback(self._on_parameters)

    @property
    def ticks(self) -> AttentionTicks:
        """What runs while the node is configured.

        Raises:
            RuntimeError: it is not.
        """
        if self._ticks is None:
            raise RuntimeError("the node is not configured")
        return self._ticks

    def start(self) -> None:
        """Configure and activate, where `autostart` says so.

        Raises:
            Exception: why the node could not be configured or activated.
        """
        if not self._values["autostart"]:
            return
        for change in (self.trigger_configure, self.trigger_activate):
            with self._transition:
                try:
                    done = change()
                except RCLError as error:
                    # Somebody else leads the node by now.
                    self.get_logger().warning(f"autostart ends: {error}")
                    return
            if done is not _SUCCESS:
                raise self._failure or RuntimeError("the node could not be started")

    @logged
    def on_configure(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm the policy; takes seconds, in the thread that asked."""
        self._failure = None
        self._made = Entities(self)
        try:
            ticks = AttentionTicks(self, self._values, self._on_start_refused, self._updater)
        except Exception as error:  # noqa: BLE001  (torch raises many types; the node stays)
            self._failure = error
            kind = "" if isinstance(error, PamRosError) else f"{type(error).__name__}: "
            self.get_logger().error(f"not configured: {kind}{error}")
            self._made.destroy()
            return _FAILURE
        group = ticks.policy_group
        self.create_service(Trigger, "~/reset", self._on_reset, callback_group=group)
        group = ticks.watch_group
        self.create_service(SetBool, "~/enable", self._on_enable, callback_group=group)
        TargetTopic(self, ticks.joints, ticks.spec.chunk_size, group)
        with self._changing:
            self._ticks = ticks
            # What was set while the policy was loading.
            ticks.words.ask_if_new(str(self._values["instruction"]))
        return _SUCCESS

    @logged
    def on_activate(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Tick from now on."""
        try:
            self.ticks.go()
        except TimeoutError as error:
            self._failure = error
            self.get_logger().error(f"not activated: {error}")
            return _FAILURE
        self._active = True
        enabled = bool(self._values["enabled"])
        self.get_logger().info(start_words(self, self.ticks.cameras, enabled=enabled))
        return _SUCCESS

    @logged
    def on_deactivate(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Hold the robot, if it is enabled, until the node is active again or cleaned up."""
        self._active = False
        self.ticks.stop()
        return _SUCCESS

    @logged
    def on_cleanup(self, _: LifecycleState) -> TransitionCallbackReturn:
        """Command nothing any more and free the policy's memory."""
        self._clean_up()
        return _SUCCESS

    @logged
    def on_shutdown(self, _: LifecycleState) -> TransitionCallbackReturn:
        """As deactivating and cleaning up."""
        self._clean_up()
        return _SUCCESS

    @logged
    def on_error(self, _: LifecycleState) -> TransitionCallbackReturn:
        """A transition raised: start over from unconfigured."""
        self._clean_up()
        return _SUCCESS

    def _clean_up(self) -> None:
        self._active = False
        ticks, self._ticks = self._ticks, None
        if ticks is not None:
            ticks.close()
            if self._values["enabled"]:
                # As it is: what was enabled ends here, and is not enabled by configuring again.
                self.set_parameters([Parameter("enabled", value=False)])
        if self._made is not None:
            self._made.destroy()
            self._made = None
        del ticks
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Before the node is destroyed: command nothing any more, and leave no mark of this run."""
        if self._ticks is not None:
            self._ticks.close()
        self._mark.end()

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        ticks = self._ticks
        response.success = ticks is not None
        response.message = "the node is not configured" if ticks is None else ticks.reset()
        return response

    def _on_start_refused(self) -> None:
        # So that the parameter says what is the case.
        self.set_parameters([Parameter("enabled", value=False)])

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
        ticks = self._ticks
        reason = ""
        if ticks is not None:
            reason = self._change_running(ticks, changed)
        elif changed.get("enabled"):
            reason = "not enabled: the node is not active"
        if reason:
            return SetParametersResult(successful=False, reason=reason)
        self._values.update(changed)
        return SetParametersResult(successful=True)

    def _change_running(self, ticks: AttentionTicks, changed: dict[str, object]) -> str:
        """Take new values; why that cannot be, empty where it could."""
        words = changed.get("instruction")
        if words is not None:
            reason = ticks.words.why_not(str(words))
            if reason:
                return reason
        try:
            check_explainable(changed, ticks.spec)
            values = {**self._values, **changed}
            look = make_look(values, ticks.spec, ticks.joints, ticks.no_mean, ticks.policy)
        except ParameterError as error:
            return str(error)
        if not any(name.startswith(LOOKED_AT) for name in changed):
            # The running scale remembers the last ticks; nothing that it depends on changes.
            look = replace(look, scale=ticks.look.scale)
        if "enabled" in changed:
            if changed["enabled"] and not self._active:
                return "not enabled: the node is not active"
            measured = ticks.sources.latest_measured()
            done, reason = ticks.commander.set_enabled(bool(changed["enabled"]), measured)
            if not done:
                why = ticks.sources.unmeasured
                return f"{reason}: {why}" if measured is None and why else reason
        if words is not None:
            ticks.words.ask(str(words))
        if set(changed) - {"instruction"}:
            ticks.change_look(look)
        return ""


LOOKED_AT = ("attention_", "contribution_", "overlay_scale")
"""Parameters that what the running scale remembers depends on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros act_attention`."""
    # Read when torch is loaded, later: its threads wait asleep. Spinning, they would take the cores
    # that the camera drivers and the robot's need.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    status = run_node(ActAttentionNode, arguments, threads=5, start=ActAttentionNode.start)
    return leave_within(LEAVE_S, status)
