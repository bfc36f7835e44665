# SPDX-License-Identifier: Apache-2.0
"""The straight line from a baseline to an observation, in the policy's normalised inputs."""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from pam_ros.attention.attribution import BASELINES, CUSTOM_BASELINE
from pam_ros.policy.act.explaining_stream import explaining_stream
from pam_ros.policy.act.hooks import ENVIRONMENT, IMAGES, STATE
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.act.spec import ActSpec
    from pam_ros.policy.interface import PolicySpec

    Observation = Mapping[str, NDArray[np.generic]]
    Baseline = str | Mapping[str, NDArray[np.uint8]]

JointState = Literal["held", "mean"]
JOINT_STATES: tuple[JointState, ...] = ("held", "mean")
BLUR = 0.1
"""Standard deviation of the blurred baseline, as a part of the image's longer side."""
_NEGLIGIBLE = 1e-6
"""Singular values of the blur that are left out: of pictures they change less than rounding."""


class Differentiable(Protocol):
    """What gradients need of an ActPolicy."""

    @property
    def spec(self) -> ActSpec:
        """What it reads and writes."""
        ...

    @property
    def model(self) -> nn.Module:
        """The lerobot ACT module."""
        ...

    def prepare(self, observations: Sequence[Mapping[str, NDArray[np.generic]]]) -> Prepared:
        """The normalised tensors of some observations, as one batch."""
        ...


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
    policy: Differentiable, observation: Observation, baseline: Baseline, joint_state: str = "held"
) -> Path:
    """The path that ends at the observation.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: the policy reads no camera, or cannot give such a start.
    """
    if isinstance(baseline, str):
        _check_choice("baseline", baseline, BASELINES)
    _check_choice("joint_state", joint_state, JOINT_STATES)
    spec = policy.spec
    if not spec.cameras:
        message = f"{spec.name} reads no camera: gradient methods need one"
        raise PolicyError(message)
    end = policy.prepare([observation])
    nothing = policy.prepare([zero_observation(spec)])
    if not isinstance(baseline, str):
        starts = policy.prepare([{**observation, **baseline}]).images
    elif baseline == "mean":
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


def baseline_name(baseline: Baseline) -> str:
    """For messages."""
    return baseline if isinstance(baseline, str) else CUSTOM_BASELINE


def why_no_baseline(policy: Differentiable, baseline: str) -> str:
    """Why this policy cannot give such a start; empty if it can.

    It prepares an observation of zeros: ask before the first step.
    """
    zeros = zero_observation(policy.spec)
    try:
        path_to(policy, zeros, baseline)
    except PolicyError as error:
        return str(error)
    return ""


def zero_observation(spec: PolicySpec) -> dict[str, NDArray[np.generic]]:
    """Black pictures and vectors of zeros."""
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
    return zeros


def blurred(image: Tensor) -> Tensor:
    """(1, 3, H, W) under a Gaussian of BLUR times its longer side, edges repeated."""
    height, width = image.shape[2:]
    sigma = BLUR * max(height, width)
    (down, up), (left, right) = (
        [factor.to(image) for factor in _gaussian(size, sigma)] for size in (height, width)
    )
    return down @ (up @ image @ right.T) @ left.T


@lru_cache(maxsize=16)
def _gaussian(size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Two factors (size, rank), (rank, size) of the matrix that blurs a row, edges repeated.

    So wide a blur leaves few dimensions: as a convolution it would cost as much as the ResNet.
    """
    reach = math.ceil(3 * sigma)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((size, size))
    for offset, weight in zip(offsets, weights, strict=True):
        read = np.clip(np.arange(size) + offset, 0, size - 1)
        matrix[np.arange(size), read] += weight
    outer, sizes, inner = np.linalg.svd(matrix)
    rank = int((sizes > _NEGLIGIBLE).sum())
    factors = outer[:, :rank] * sizes[:rank], inner[:rank]
    first, second = (torch.tensor(factor, dtype=torch.float32) for factor in factors)
    return first, second


@contextmanager
def gradients(device: str, *, exact: bool = True) -> Iterator[None]:
    """Gradients on, whatever the caller turned off, beside what computes commands.

    Gradients are a matter of this thread alone, and so is the stream: see explaining_stream.

    Args:
        device: of the policy; the CPU has neither TF32 nor streams, and nothing is switched there.
        exact: in full float32, without TF32, which is a switch of the whole process: see
            full_float32. False: as it is for everybody.
    """
    precise = exact and torch.device(device).type == "cuda"
    with (
        explaining_stream(device),
        full_float32() if precise else nullcontext(),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
    ):
        yield


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        message = f"{name} {value!r} is unknown: it must be one of {', '.join(choices)}"
        raise PolicyError(message)


def _check_centred(model: Any, kind: str, parameter: str, zeros: Sequence[Tensor]) -> None:
    reason = why_no_mean(model, kind, zeros)
    if reason:
        message = f"{parameter} 'mean' {reason}"
        raise PolicyError(message)


def why_no_mean(model: Any, kind: str, zeros: Sequence[Tensor]) -> str:
    """Why the training mean is not what the policy normalises to zero; empty if it is.

    zeros: zeros after normalisation. Where they stay zeros, the policy knows no mean.
    """
    mode = model.config.normalization_mapping.get(kind)
    name = str(getattr(mode, "value", mode))
    if name == "MEAN_STD" and all(bool(tensor.any()) for tensor in zeros):
        return ""
    how = name if name != "MEAN_STD" else "MEAN_STD without statistics"
    return (
        f"needs inputs that are normalised by their training mean; this policy's {kind} inputs are "
        f"normalised by {how}"
    )
