# SPDX-License-Identifier: Apache-2.0
"""What a gradient method explains: one number of the normalised chunk, on some path."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, SupportsIndex

import torch
from torch.nn import functional

from pam_ros.policy.act.path import baseline_name, path_to
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.attention.attribution import Target
    from pam_ros.policy.act.path import Baseline, Differentiable, Observation, Path
    from pam_ros.policy.interface import PolicySpec


@dataclass(frozen=True, eq=False)
class Question:
    """A target on a path. Any target is a direction (C, A) in the space of normalised chunks."""

    path: Path
    direction: Tensor
    change: float
    target: str
    baseline: str
    spec: PolicySpec

    def values(self, moving: Sequence[Tensor]) -> Tensor:
        """The target (B,) for moving inputs of B points."""
        return (self.path.chunks(moving) * self.direction).sum((1, 2))

    def with_held(self, state: Tensor) -> Question:
        """The same with another joint state."""
        return replace(self, path=replace(self.path, held=state))


def make_question(
    policy: Differentiable,
    observation: Observation,
    target: Target,
    baseline: Baseline,
    joints: Sequence[str],
    joint_state: str = "held",
) -> Question:
    """The target, turned into a direction, and the path to the observation.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: a target or path that the policy does not have, or a chunk that is not finite.
    """
    spec = policy.spec
    if target.change:
        message = "target 'change' is one of contributions alone: there is no tick before"
        raise PolicyError(message)
    rows = rows_of(target, spec)
    if joints and len(joints) != spec.action_dim:
        message = f"joints has {len(joints)} names: it must have {spec.action_dim}"
        raise PolicyError(message)
    path = path_to(policy, observation, baseline, joint_state)
    with torch.no_grad():
        start, end = path.chunks(path.at([0.0, 1.0]))
    way = end - start
    if not torch.isfinite(way).all():
        message = f"{spec.name} predicted a chunk that is not finite on this observation"
        raise PolicyError(message)
    direction = direction_of(target, rows, way)
    change = float((way * direction).double().sum())
    return Question(path, direction, change, target.label(joints), baseline_name(baseline), spec)


def rows_of(target: Target, spec: PolicySpec) -> slice:
    """The steps of the chunk that a target is of.

    Raises:
        PolicyError: the policy has no such step or joint.
    """
    if target.joint is not None:
        _index("joint", target.joint, spec.action_dim)
    if target.step is None:
        if target.stop is not None:
            message = f"the target's stop {target.stop!r} needs a step to begin with"
            raise PolicyError(message)
        return slice(0, spec.chunk_size)
    step = _index("step", target.step, spec.chunk_size)
    if target.stop is None:
        return slice(step, step + 1)
    stop = _index("stop", target.stop, spec.chunk_size + 1)
    if stop <= step:
        message = f"the target's steps {step}:{stop} are none: stop must be above step"
        raise PolicyError(message)
    return slice(step, stop)


def direction_of(target: Target, rows: slice, way: Tensor) -> Tensor:
    """The target as a direction (C, A).

    Args:
        target: what is explained.
        rows: see rows_of.
        way: (C, A), the chunk's difference from that of the baseline.
    """
    direction = torch.zeros_like(way)
    if target.joint is None:
        direction[rows] = functional.normalize(way[rows].flatten(), dim=0).view_as(way[rows])
    else:
        direction[rows, target.joint] = 1.0 / (rows.stop - rows.start)
    return direction


def _index(name: str, value: object, count: int) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, SupportsIndex)
        or not 0 <= operator.index(value) < count
    ):
        message = (
            f"the target's {name} {value!r} is out of range: it must be from 0 to {count - 1}, or "
            "None for all"
        )
        raise PolicyError(message)
    return operator.index(value)
