# SPDX-License-Identifier: Apache-2.0
"""What contribution.py computes with: its values, its checks, and what it does to tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from pam_ros.attention.attribution import (
    CONTRIBUTION,
    CONTRIBUTION_BASELINES,
    CONTRIBUTIONS,
    CUSTOM_BASELINE,
)
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.interface import CameraSpec


@dataclass(frozen=True, eq=False)
class Aim:
    """A request on one observation, with one of its targets, of any policy.

    baseline: what tokens are compared with.
    direction: (C, A).
    chunk, start: (C, A), the observation's and that of what it is compared with.
    scale: from normalised units to the target's.
    parts: of cameras and other groups, see group_parts; empty where they are not asked for.
    reason: why target or baseline are others than were asked for.
    """

    request: ContributionRequest
    baseline: str
    direction: Tensor
    chunk: Tensor
    start: Tensor
    scale: float
    parts: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    def value(self, chunk: Tensor) -> float:
        """The target of a chunk (C, A), in its unit."""
        return self.scale * float((chunk.double() * self.direction).sum())


@dataclass(frozen=True, eq=False)
class Asked(Aim):
    """The same of ACT.

    prepared: its inputs; none where a pass of the policy has given the tokens and nothing else is
        needed.
    tokens: (1, T, D), what the encoder reads; `chunk` is theirs.
    away: the same with the baseline's for the pictures; `start` is theirs.
    """

    prepared: Prepared = field(kw_only=True)
    tokens: Tensor = field(kw_only=True)
    away: Tensor = field(kw_only=True)


def check_request(request: ContributionRequest) -> None:
    """Whether there is such a method and such settings.

    Raises:
        PolicyError: there is not.
    """
    if request.method not in CONTRIBUTIONS:
        message = f"method {request.method!r} is unknown: use {' or '.join(CONTRIBUTIONS)}"
        raise PolicyError(message)
    if request.pictures is not None and request.method != CONTRIBUTION:
        message = f"{request.method} compares tokens with their mean: leave the baseline out"
        raise PolicyError(message)
    given = request.baseline == CUSTOM_BASELINE and request.pictures is not None
    if not given and request.baseline not in CONTRIBUTION_BASELINES:
        known = ", ".join(CONTRIBUTION_BASELINES)
        message = f"baseline {request.baseline!r} is unknown: use {known}"
        raise PolicyError(message)
    for name, value in (("points", request.points), ("cell", request.cell)):
        if value < 1:
            message = f"{name} {value} must be 1 or more"
            raise PolicyError(message)


def check_cell(cell: int, cameras: Sequence[CameraSpec]) -> None:
    """Whether a picture of each camera has such a cell [pixels].

    Raises:
        PolicyError: it is larger than one of them.
    """
    for camera in cameras:
        if cell > max(camera.height, camera.width):
            least = min(max(one.height, one.width) for one in cameras)
            message = (
                f"cell {cell} is larger than the picture of {camera.feature}, {camera.height} x "
                f"{camera.width} pixels: it must be from 1 to {least}"
            )
            raise PolicyError(message)


def middles(points: int) -> list[float]:
    """The middles of so many equal parts of the way."""
    return [(index + 0.5) / points for index in range(points)]


def plain(image: Tensor) -> Tensor:
    """The image without a history of gradients, channels last."""
    return image.detach().contiguous(memory_format=torch.channels_last)


def replaced(tokens: Tensor, start: int, others: Tensor) -> Tensor:
    """The tokens, those from `start` on replaced by others."""
    changed = tokens.clone()
    changed[:, start : start + others.shape[1]] = others
    return changed


def zeros_like(inputs: Prepared) -> Prepared:
    """What normalises to zero is the mean: pictures of one colour, the mean pose."""
    return inputs._replace(
        images=tuple(torch.zeros_like(image) for image in inputs.images),
        state=None if inputs.state is None else torch.zeros_like(inputs.state),
        environment=None if inputs.environment is None else torch.zeros_like(inputs.environment),
    )
