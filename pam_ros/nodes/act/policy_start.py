# SPDX-License-Identifier: Apache-2.0
"""Loading the policy that the parameters name, and what the log says of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.nodes.act.feature_editing import FeatureEditing
from pam_ros.nodes.act.live_method import AutoShown, LiveMethod
from pam_ros.nodes.act.map_rate import faster
from pam_ros.nodes.act.parameter_table import ASYNC
from pam_ros.policy import load_policy
from pam_ros.policy.abilities import Contributing, take_tokens
from pam_ros.policy.observation import empty_observation
from pam_ros.policy.timing import steady_forward_seconds
from pam_ros.policy.token_means import load_means
from pam_ros.share.working import working
from pam_ros.tick.contribution import InReserve, ShownContribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rclpy.node import Node

    from pam_ros.nodes.act.parameters import DrawnLook
    from pam_ros.policy.interface import Policy

SLOW_SHARE = 0.9
"""A pass that takes more of a period than this is too slow for a pass on each tick."""


def start_policy(values: Mapping[str, Any], say: Callable[[str], object] | None = None) -> Policy:
    """The policy, ready to run; say: takes a line about what is waited for.

    Raises:
        PolicyError: it cannot be loaded so; the sentence says why.
    """
    if values["torch_threads"]:
        import torch  # noqa: PLC0415  (a setting of this process, not of the policy)

        torch.set_num_threads(values["torch_threads"])
    with working(f"loading policy {values['policy']}", say=say):
        policy = load_policy(
            values["policy"],
            device=values["device"],
            revision=values["revision"] or None,
            n_action_steps=values["n_action_steps"] or None,
            temporal_ensemble_coeff=(
                values["temporal_ensemble_coeff"] if values["temporal_ensemble"] else None
            ),
            engine=values["engine"],
            dtype=values["dtype"],
        )
    if values["contribution_means"] and isinstance(policy, Contributing):
        policy.compare_with(load_means(values["contribution_means"], policy.spec))
    return policy


@dataclass(frozen=True, eq=False)
class TimedPolicy:
    """A policy that does all that its ticks will ask of it, and how long that takes.

    Attributes:
        policy: gives tokens and the weights that are shown, and is edited if that was asked for.
        editing: what was edited in it.
        method: what is shown of it, where that is chosen by the machine's speed.
        typical_s: a forward pass [s].
    """

    policy: Policy
    editing: FeatureEditing
    method: LiveMethod
    typical_s: float


def prepare_policy(
    node: Node, policy: Policy, look: DrawnLook, values: Mapping[str, Any], period_s: float
) -> TimedPolicy:
    """Have the policy do all that its ticks need, and then time it: tokens and weights take time.

    Args:
        node: for its log.
        policy: loaded.
        look: which weights will be shown.
        values: of the parameters tokens_layer and execution, and of feature_editing.TABLE.
        period_s: of the ticks [s].

    Raises:
        PolicyError: it has no such layer.
        ParameterError: an edit that cannot be made.
    """
    take_tokens(policy, values["tokens_layer"])
    editing = FeatureEditing(node, policy, values)
    look.selection.apply_to(policy)
    say_what_is_shown(node, look)
    typical = time_policy(node, policy, values, period_s)
    method = LiveMethod(period_s, node.get_logger().info)
    if isinstance(look.selection, AutoShown):
        method.measure(look.selection, policy)
    elif isinstance(look.selection, ShownContribution):
        _make_ready(node, policy, look.selection)
    return TimedPolicy(policy, editing, method, typical)


def _make_ready(node: Node, policy: Policy, shown: ShownContribution) -> None:
    """What the first contribution would wait for, compiled gradients perhaps, is made now."""
    begin = time.perf_counter()
    try:
        shown.policy.mean_tokens([empty_observation(policy.spec)])
    except Exception as error:  # noqa: BLE001  (what only explains keeps no node from its work)
        node.get_logger().warning(f"{shown.method} cannot be made ready: {error}")
        return
    seconds = time.perf_counter() - begin
    node.get_logger().info(f"{shown.method} ready in {seconds:.1f} s")


def time_policy(node: Node, policy: Policy, values: Mapping[str, Any], period_s: float) -> float:
    """Typical forward pass [s]; logs it and the engine, warns if it is too slow in every round."""
    spec, engine = policy.spec, policy.engine
    longest_s = SLOW_SHARE * period_s
    with working("timing forward passes", say=node.get_logger().info):
        typical = steady_forward_seconds(policy, longest_s)
    node.get_logger().info(
        f"policy {spec.name} on {spec.device}: {spec.chunk_mode}, {len(spec.cameras)} cameras, "
        f"{typical * 1e3:.0f} ms per forward pass"
    )
    node.get_logger().info(
        f"engine {engine.name}, {engine.dtype}, ready in {engine.warmup_seconds:.1f} s: "
        f"{engine.reason}"
    )
    if typical > longest_s and values["execution"] != ASYNC:
        node.get_logger().warning(_too_slow(policy, typical, period_s))
    return typical


def say_what_is_shown(node: Node, look: DrawnLook) -> None:
    """Warn if something else is shown than was asked for, or less."""
    selection = look.selection
    if isinstance(selection, InReserve):
        node.get_logger().warning(
            f"{selection.method} is shown instead of {selection.asked}: {selection.reason}"
        )
    elif look.further and not isinstance(selection, ShownContribution | AutoShown):
        node.get_logger().warning(
            f"contribution_targets have maps while attention_method is a contribution; it is "
            f"{selection.method}"
        )


def _too_slow(policy: Policy, typical: float, period_s: float) -> str:
    spec, takes = policy.spec, f"{typical * 1e3:.0f} ms"
    cure = faster(policy.engine, spec.device)
    if spec.chunk_mode == "queue" and spec.n_action_steps > 1:
        return (
            f"a forward pass takes {takes} of a period of {period_s * 1e3:.0f} ms: the robot waits "
            f"for it every {spec.n_action_steps} ticks; {cure}, or set execution: async"
        )
    return (
        f"{1 / period_s:.1f} Hz cannot be kept: a forward pass takes {takes}; {cure}, or "
        f"lower rate_hz to {SLOW_SHARE / typical:.1f}"
    )
