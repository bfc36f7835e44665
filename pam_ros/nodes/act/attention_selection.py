# SPDX-License-Identifier: Apache-2.0
"""The attention_* and contribution_* parameters as what the maps show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import CONTRIBUTION, CONTRIBUTIONS
from pam_ros.attention.contribution import ContributionRequest, parse_target
from pam_ros.attention.drawing import AUTO
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.selection import METHODS, Selection, make_selection
from pam_ros.nodes.act.further_maps import further_targets
from pam_ros.nodes.act.live_method import AutoShown
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy.abilities import Contributing
from pam_ros.tick.contribution import (
    InReserve,
    ShownContribution,
    in_stead_of,
    show_contribution,
    usual_attention,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.policy.interface import Policy, PolicySpec

__all__ = ["CHOICES", "METHODS", "Selection", "select"]

CHOICES = (*METHODS, *CONTRIBUTIONS, AUTO)
"""Of the parameter attention_method."""


def select(
    values: Mapping[str, Any],
    spec: PolicySpec,
    policy: Policy | None = None,
    joints: Sequence[str] = (),
) -> Selection | ShownContribution | InReserve | AutoShown:
    """What the parameters name.

    A contribution that the policy cannot be asked for is attention in its stead, which says why.
    So is attention that a policy without any is asked for what it has.

    Args:
        values: of the parameters.
        spec: of the policy.
        policy: for contributions.
        joints: the names of an action's joints.

    Raises:
        ParameterError: a value that cannot be taken; the sentence says which ones can.
    """
    method = values["attention_method"]
    try:
        if method in METHODS:
            return in_stead_of(method, spec) or make_selection(
                method,
                values["attention_layer"],
                values["attention_head"].strip(),
                values["attention_query"].strip(),
                spec,
                values["attention_step"].strip(),
            )
        if method == AUTO:
            return _auto(values, spec, policy, joints)
        return _contribution(method, values, spec, policy, joints)
    except AttentionError as error:
        raise ParameterError(f"parameter {error}") from error


def _contribution(
    method: str,
    values: Mapping[str, Any],
    spec: PolicySpec,
    policy: Policy | None,
    joints: Sequence[str],
) -> ShownContribution | InReserve:
    try:
        target = parse_target(values["contribution_target"], joints, spec.chunk_size)
    except AttentionError as error:
        return InReserve(usual_attention(spec), method, f"parameter 'contribution_target': {error}")
    request = ContributionRequest(
        method=method,
        target=target,
        baseline=values["contribution_baseline"],
        points=values["contribution_points"],
        cell=values["contribution_cell"],
        joints=tuple(joints),
        also=tuple(further_targets(values, spec, joints).values()),
    )
    return show_contribution(policy, request, spec, values["contribution_check_every"])


def _auto(
    values: Mapping[str, Any], spec: PolicySpec, policy: Policy | None, joints: Sequence[str]
) -> AutoShown:
    # Without means to compare tokens with, their contributions are no better than attention.
    fitted = isinstance(policy, Contributing) and policy.tokens_compared_with == "fitted"
    methods = CONTRIBUTIONS if fitted else (CONTRIBUTION,)
    found = [_contribution(method, values, spec, policy, joints) for method in methods]
    choices = tuple(one for one in found if isinstance(one, ShownContribution))
    refused = [one for one in found if isinstance(one, InReserve)]
    otherwise = usual_attention(
        *(spec, values["attention_layer"]),
        *(values["attention_head"].strip(), values["attention_query"].strip()),
        values["attention_step"].strip(),
    )
    return AutoShown(choices, otherwise, refused[0].reason if refused else "")
