# SPDX-License-Identifier: Apache-2.0
"""The straight line from a baseline to an observation, in the policy's normalised inputs."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch.nn import functional

from pam_ros.policy.act.hooks import ENVIRONMENT, IMAGES, STATE
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.act.policy import ActPolicy

    Observation = Mapping[str, NDArray[np.generic]]

Baseline = Literal["black", "mean", "blur"]
BASELINES: tuple[Baseline, ...] = ("black", "mean", "blur")
JointState = Literal["held", "mean"]
JOINT_STATES: tuple[JointState, ...] = ("held", "mean")
BLUR = 0.1
"""Standard deviation of the blurred baseline, as a part of the image's longer side."""


@dataclass(frozen=True, eq=False)
class Path:
    """From where to where each input goes; `model` predicts chunks anywhere on the way.

    starts, ends: one (1, 3, H, W) per camera, then (1, state_dim) if the joint state moves too.
    held: the joint state where it does not move. environment: never moves.
    """

    model: Any
    starts: tuple[Tensor, ...]
    ends: tuple[Tensor, ...]
    held: Tensor | None
    environment: Tensor | None
    cameras: int

    def at(self, points: Sequence[float]) -> list[Tensor]:
        """The moving inputs at some points, 0 the start and 1 the end, as one batch of leaves."""
        where = torch.tensor(points, dtype=torch.float32, device=self.ends[0].device)
        leaves = []
        for start, end in zip(self.starts, self.ends, strict=True):
            shape = (-1, *[1] * (end.ndim - 1))
            leaf = torch.lerp(start, end, where.view(shape)).contiguous(
                memory_format=torch.channels_last if end.ndim == 4 else torch.contiguous_format
            )
            leaves.append(leaf.requires_grad_())
        return leaves

    def chunks(self, moving: Sequence[Tensor]) -> Tensor:
        """Normalised chunks (B, C, A) for moving inputs of B points, by lerobot's own forward."""
        batch_size = len(moving[0])
        state = moving[-1] if len(moving) > self.cameras else self.held
        if state is None:  # lerobot reads its device off it even where the policy has none
            state = moving[0].new_zeros(1, 1)
        batch: dict[str, Any] = {
            IMAGES: list(moving[: self.cameras]),
            STATE: state.expand(batch_size, -1),
        }
        if self.environment is not None:
            batch[ENVIRONMENT] = self.environment.expand(batch_size, -1)
        chunks: Tensor = self.model(batch)[0]
        return chunks


def path_to(
    policy: ActPolicy, observation: Observation, baseline: str, joint_state: str = "held"
) -> Path:
    """The path that ends at the observation.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: the policy reads no camera, or cannot give such a start.
    """
    _check_choice("baseline", baseline, BASELINES)
    _check_choice("joint_state", joint_state, JOINT_STATES)
    spec = policy.spec
    if not spec.cameras:
        message = f"{spec.name} reads no camera: gradient methods need one"
        raise PolicyError(message)
    end = policy.prepare([observation])
    zeros: dict[str, NDArray[np.generic]] = {
        name: np.zeros_like(observation[name]) for name in spec.features
    }
    nothing = policy.prepare([zeros])  # black images, joints at 0
    if baseline == "mean":
        _check_centred(policy.model, "VISUAL", "baseline", nothing.images)
        starts = tuple(torch.zeros_like(image) for image in end.images)
    elif baseline == "blur":
        starts = tuple(blurred(image) for image in end.images)
    else:
        starts = nothing.images
    ends, held = end.images, end.state
    if joint_state == "mean":
        if end.state is None or nothing.state is None:
            message = f"{spec.name} reads no joint state: joint_state must be 'held'"
            raise PolicyError(message)
        _check_centred(policy.model, "STATE", "joint_state", [nothing.state])
        starts, ends, held = (*starts, torch.zeros_like(end.state)), (*ends, end.state), None
    return Path(policy.model, starts, ends, held, end.environment, len(spec.cameras))


def why_no_baseline(policy: ActPolicy, baseline: str) -> str:
    """Why this policy cannot give such a start; empty if it can.

    It prepares an observation of zeros: ask before the first step.
    """
    spec = policy.spec
    zeros: dict[str, NDArray[np.generic]] = {
        camera.feature: np.zeros((camera.height, camera.width, 3), np.uint8)
        for camera in spec.cameras
    }
    for feature, size in (
        (spec.state_feature, spec.state_dim),
        (spec.environment_feature, spec.environment_dim),
    ):
        if feature is not None:
            zeros[feature] = np.zeros(size, np.float32)
    try:
        path_to(policy, zeros, baseline)
    except PolicyError as error:
        return str(error)
    return ""


def blurred(image: Tensor) -> Tensor:
    """(1, 3, H, W) under a Gaussian of BLUR times its longer side, edges repeated."""
    sigma = BLUR * max(image.shape[2:])
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    weights = torch.softmax(-0.5 * (offsets / sigma) ** 2, dim=0)
    channels = image.transpose(0, 1)  # (3, 1, H, W)
    wide = functional.pad(channels, (reach, reach, reach, reach), mode="replicate")
    rows = functional.conv2d(wide, weights.view(1, 1, 1, -1))
    return functional.conv2d(rows, weights.view(1, 1, -1, 1)).transpose(0, 1)


@contextmanager
def gradients() -> Iterator[None]:
    """Gradients on, whatever the caller turned off, in full float32: TF32 would not add up.

    Gradients are a matter of this thread alone; TF32 is the whole process': see full_float32.
    """
    with full_float32(), torch.inference_mode(mode=False), torch.enable_grad():
        yield


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        message = f"{name} {value!r} is unknown: it must be one of {', '.join(choices)}"
        raise PolicyError(message)


def _check_centred(model: Any, kind: str, parameter: str, zeros: Sequence[Tensor]) -> None:
    """Whether the training mean is what the policy normalises to zero.

    zeros: zeros after normalisation. Where they stay zeros, the policy knows no mean.
    """
    mode = model.config.normalization_mapping.get(kind)
    name = str(getattr(mode, "value", mode))
    if name != "MEAN_STD" or not all(bool(tensor.any()) for tensor in zeros):
        how = name if name != "MEAN_STD" else "MEAN_STD without statistics"
        message = (
            f"{parameter} 'mean' needs inputs that are normalised by their training mean; this "
            f"policy's {kind} inputs are normalised by {how}"
        )
        raise PolicyError(message)
