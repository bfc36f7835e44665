# SPDX-License-Identifier: Apache-2.0
"""How much each camera, the joint state and the environment state did: parts of one sum.

They are Shapley values, as act/group_parts.py has them, over the parts of the conditioning vector,
which is all that the U-Net sees: a group that is not there has the numbers of its training mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act.group_parts import Group, groups_parts
from pam_ros.policy.observation import empty_observation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.policy.act.contribution_parts import Aim
    from pam_ros.policy.diffusion.differentiable import Differentiable
    from pam_ros.policy.diffusion.prepare import Preparation, Prepared
    from pam_ros.policy.interface import PolicySpec


@torch.no_grad()
def parts_of(
    spec: PolicySpec,
    preparation: Preparation,
    net: Differentiable,
    inputs: Prepared,
    chunk: Tensor,
    aims: Sequence[Aim],
    pictures_have_a_mean: bool,
) -> list[dict[str, float]]:
    """For each aim each group's part by its name, in the target's unit.

    A group whose training mean is not known stays as it is, and has none.

    Args:
        spec: the policy's.
        preparation: of its inputs.
        net: its chunks.
        inputs: of one history, with its noise.
        chunk: (C, A) normalised, theirs.
        aims: the targets.
        pictures_have_a_mean: whether it is what the policy normalises to zero.
    """
    steps = spec.history
    means = preparation.histories([(empty_observation(spec),) * steps], [0])
    assert means.images is not None
    still = means._replace(images=torch.zeros_like(means.images))

    def numbers_of(of: Prepared) -> Tensor:  # (1, numbers, S): one number of the vector a token
        cond = net.conditioning(of)
        return cond.reshape(len(cond), steps, -1).transpose(1, 2)

    def chunk_of(numbers: Tensor) -> Tensor:
        cond = numbers.transpose(1, 2).flatten(1)
        return net.of_conditioning(cond, inputs.seeds * len(cond))

    numbers, mean = numbers_of(inputs), numbers_of(still)
    spans = _spans(spec, numbers.shape[1])
    known = {
        **{camera.feature: pictures_have_a_mean for camera in spec.cameras},
        "joint_state": _known(spec, spec.state_feature),
        "environment": _known(spec, spec.environment_feature),
    }
    groups = [
        Group(name, start, mean[:, start:stop].clone())
        for name, (start, stop) in spans.items()
        if known[name]
    ]
    if not groups:
        return [{} for _ in aims]
    whole = frozenset(group.name for group in groups)
    return groups_parts(chunk_of, numbers, groups, [one.value for one in aims], {whole: chunk})


def _spans(spec: PolicySpec, size: int) -> dict[str, tuple[int, int]]:
    """Where each group's numbers are in the vector of one observation, in lerobot's order."""
    last = size - spec.environment_dim
    each = (last - spec.state_dim) // len(spec.cameras)
    spans = {"joint_state": (0, spec.state_dim)}
    for number, camera in enumerate(spec.cameras):
        start = spec.state_dim + number * each
        spans[camera.feature] = (start, start + each)
    if spec.environment_dim:
        spans["environment"] = (last, size)
    return spans


def _known(spec: PolicySpec, feature: str | None) -> bool:
    """Whether the training mean of a vector is."""
    statistics = None if feature is None else spec.statistics.get(feature)
    return statistics is not None and statistics.mean is not None
