# SPDX-License-Identifier: Apache-2.0
"""~/explain: a gradient method on the newest observation, beside the ticks.

It runs in a thread of its own, holds no lock that a tick or a command could wait for, and leaves
the policy's queue, ensemble and step alone. Its thread, and with it the threads that torch starts
for it, gives way to all others of the process (nice 19, Linux), so that ticks keep the cores that
they ask for; on a GPU it shares the device with them.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from std_srvs.srv import Trigger

from pam_ros.attention.attribution import Target
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import TickScale
from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.explanation_request import NO_GRADIENTS
from pam_ros.nodes.act.overlay_publisher import OverlayPublisher
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.policy.abilities import GradientExplaining
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.words import instruction_of
from pam_ros.tick.attention_map import AttentionMapMaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy.callback_groups import CallbackGroup
    from rclpy.node import Node

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.nodes.act.explanation_request import Request
    from pam_ros.nodes.act.parameters import DrawnLook
    from pam_ros.policy.interface import Policy
    from pam_ros.robot import Contract
    from pam_ros.tick.explained import ExplainedTick


class Explainer:
    """The service, its thread, `~/explanation` and `~/explanation/<camera>/image`.

    Args:
        node: that has them.
        policy: that is explained.
        contract: bound to the policy.
        look: how to draw, and what to compute, whenever it is asked.
        group: of the service.
    """

    def __init__(
        self,
        node: Node,
        policy: Policy,
        contract: Contract,
        look: Callable[[], DrawnLook],
        group: CallbackGroup,
    ) -> None:
        self._node = node
        self._policy = policy
        self._look = look
        self._thread: threading.Thread | None = None
        self._publisher = node.create_publisher(AttentionMap, "~/explanation", 2)
        self._overlays = OverlayPublisher(node, contract, "~/explanation")
        self._maker = AttentionMapMaker(RosMessages(), policy.spec, contract)
        self._newest: ExplainedTick | None = None
        node.create_service(Trigger, "~/explain", self._on_explain, callback_group=group)

    def remember(self, tick: ExplainedTick) -> None:
        """The newest tick: the one to explain until there is another."""
        self._newest = tick

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for an explanation under way, but not for long: it cannot be stopped between passes.

        One that takes longer ends with the process, as its thread is a daemon's.
        """
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _on_explain(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        tick, look = self._newest, self._look()
        response.success = False
        if self._thread is not None and self._thread.is_alive():
            response.message = "an explanation is being computed: ask again when it is published"
        elif not self._policy.spec.cameras:
            response.message = "this policy reads no camera, so no gradient method can explain it"
        elif tick is None:
            response.message = "there is nothing to explain before the first observation"
        elif not isinstance(self._policy, GradientExplaining):
            response.message = NO_GRADIENTS
        elif disturbs := self._policy.why_not_beside_ticks:
            response.message = f"gradients would disturb this policy's ticks: {disturbs}"
        else:
            self._thread = threading.Thread(
                target=self._explain, args=(self._policy, tick, look), name="explain", daemon=True
            )
            self._thread.start()
            response.success = True
            response.message = f"{look.request.method} of tick {tick.outcome.tick} is under way"
        return response

    def _explain(self, policy: GradientExplaining, tick: ExplainedTick, look: DrawnLook) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        maps: AttentionMaps | None = None
        words = instruction_of(self._policy)
        outcome = replace(tick.outcome, inference_skipped=False, invalid_reason="")
        try:
            maps = self._maps(policy, tick, look.request)
        except (AttentionError, PolicyError) as error:
            outcome = outcome.made_invalid(str(error))
        except Exception as error:  # noqa: BLE001  (torch raises many types, out of memory too)
            outcome = outcome.made_invalid(f"{look.request.method} failed: {error}")
        if instruction_of(self._policy) != words:
            maps = None
            outcome = outcome.made_invalid("the instruction changed: ask again")
        try:
            explained = replace(
                tick,
                outcome=outcome,
                maps=maps,
                method_asked=look.request.method,
                method_reason="",
                instruction=words,
            )
            self._publish(explained, look)
        except Exception as error:  # noqa: BLE001  (the node may be on its way out)
            self._node.get_logger().error(f"explanation: {error}")

    def _maps(
        self, policy: GradientExplaining, tick: ExplainedTick, request: Request
    ) -> AttentionMaps:
        attribution = policy.attribute(
            tick.observation.features,
            request.method,
            target=Target(request.joint, request.step),
            baseline=request.baseline,
            joints=request.joints,
        )
        return attribution.maps(self._policy.spec.layout)

    def _publish(self, tick: ExplainedTick, look: DrawnLook) -> None:
        if tick.maps is None:
            self._node.get_logger().warning(f"explanation: {tick.outcome.invalid_reason}")
        self._publisher.publish(self._maker.make(tick))
        if tick.maps is not None and self._overlays.wanted():
            # An overlay keeps buffers for one thread. Full heat is the picture's strongest cell.
            overlay = Overlay(look.overlay.colormap, look.overlay.alpha, look.overlay.border)
            self._overlays.publish(replace(look, overlay=overlay, scale=TickScale()), tick)
