# SPDX-License-Identifier: Apache-2.0
"""What ~/explain shall compute: the explain_* parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import GRADIENT_METHODS
from pam_ros.nodes.parameters import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.policy.interface import PolicySpec

__all__ = ["BASELINES", "GRADIENT_METHODS", "Request", "make_request"]

BASELINES = ("black", "mean", "blur")


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


def make_request(values: Mapping[str, Any], spec: PolicySpec, joints: Sequence[str]) -> Request:
    """The request that the parameters name.

    Raises:
        ParameterError: a target that is not there; the sentence says which ones are.
    """
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
