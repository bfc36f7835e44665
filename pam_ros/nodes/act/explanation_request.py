# SPDX-License-Identifier: Apache-2.0
"""What ~/explain shall compute: the explain_* parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy.abilities import GradientExplaining

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.policy.interface import Policy, PolicySpec

__all__ = [
    "NO_GRADIENTS",
    "Request",
    "check_explainable",
    "make_request",
    "why_no_mean",
]

NO_GRADIENTS = "this policy gives no gradients, so no gradient method can explain it"


@dataclass(frozen=True)
class Request:
    """A gradient method, its baseline, and the joint and step explained; None for the chunk.

    `joints` are the names of all joints of an action.
    """

    method: str
    baseline: str
    joint: int | None
    step: int | None
    joints: tuple[str, ...]


def why_no_mean(policy: Policy) -> str:
    """Why baseline "mean" cannot be had of this policy; empty where it can.

    Ask before the first tick, as of GradientExplaining.why_no_baseline.
    """
    if not isinstance(policy, GradientExplaining):
        return NO_GRADIENTS
    return policy.why_no_baseline("mean")


def check_explainable(changed: Mapping[str, Any], spec: PolicySpec) -> None:
    """Raise ParameterError where an explain_* parameter is set of a policy without cameras.

    Their defaults are not refused: such a policy runs, and ~/explain says why it cannot.
    """
    names = sorted(name for name in changed if name.startswith("explain_"))
    if names and not spec.cameras:
        raise ParameterError(
            f"parameter '{names[0]}': {spec.name} reads no camera, so no gradient method can "
            "explain it"
        )


def make_request(
    values: Mapping[str, Any], spec: PolicySpec, joints: Sequence[str], no_mean: str = ""
) -> Request:
    """The request that the parameters name.

    Args:
        values: the explain_* parameters.
        spec: the policy's.
        joints: the names of the action's joints.
        no_mean: why baseline "mean" cannot be had, see why_no_mean; empty where it can.

    Raises:
        ParameterError: a target or baseline that this policy does not have; the sentence says which
            ones it has.
    """
    if values["explain_baseline"] == "mean" and no_mean and spec.cameras:
        raise ParameterError(
            f"parameter 'explain_baseline' is 'mean': {no_mean}; use black or blur"
        )
    text = values["explain_target"].strip()
    joint = step = None
    if text != "chunk":
        found = re.fullmatch(r"(.+)\[([0-9]{1,6})\]", text)
        if not found or found[1] not in joints or int(found[2]) >= spec.chunk_size:
            raise ParameterError(
                f"parameter 'explain_target' is '{text}': use \"chunk\", or joint[step] with a "
                f"joint of {', '.join(joints)} and a step from 0 to {spec.chunk_size - 1}"
            )
        joint, step = list(joints).index(found[1]), int(found[2])
    return Request(values["explain_method"], values["explain_baseline"], joint, step, tuple(joints))
