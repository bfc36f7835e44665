# SPDX-License-Identifier: Apache-2.0
"""Gradient methods for ACT: which pixels would change a number that the policy predicts.

Example:
    from pam_ros.policy import load_policy
    from pam_ros.policy.act.gradients import Target, integrated_gradients

    policy = load_policy("models/demo_act", device="cpu")
    found = integrated_gradients(policy, observation, Target(joint=0, step=5), baseline="blur")
    found.images["observation.images.top"]    # (H, W) float32, signed, in normalised units
    found.completeness_error                  # |their sum - change of the target|
    maps = found.maps(policy.spec.layout)     # AttentionMaps, drawn as attention is

The target is one number of the normalised chunk. By default it is the chunk's projection on its
difference from the chunk that the policy predicts for the baseline, the direction being held fixed:
what the images made the policy do, all joints and steps together. Between baseline and observation
it changes by the length of that difference.

Everything runs through lerobot's own ACT module in evaluation mode, in float32. The weights get no
gradients, the caller's observation is only read, and the policy's queue, ensemble and step stay as
they are. Another thread may step the policy meanwhile, unless its engine is "hooks": that runs the
same module, which Grad-CAM hooks.
"""

from __future__ import annotations

import operator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
import torch

from pam_ros.attention.attribution import (
    BASELINES,
    CHUNK,
    GRAD_CAM,
    GRADIENT_METHODS,
    INPUT_GRADIENTS,
    INTEGRATED_GRADIENTS,
    Attribution,
    Target,
)
from pam_ros.attention.cell_grids import pool_into_cells
from pam_ros.policy.act.path import JOINT_STATES, gradients
from pam_ros.policy.act.target import Question, make_question
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from pam_ros.policy.act.path import Baseline, Differentiable, Observation

__all__ = [
    "BASELINES",
    "CHUNK",
    "JOINT_STATES",
    "Attribution",
    "Target",
    "attribute",
    "grad_cam",
    "input_gradients",
    "integrated_gradients",
]


def attribute(
    policy: Differentiable,
    observation: Observation,
    method: str,
    *,
    target: Target = CHUNK,
    baseline: Baseline = "blur",
    steps: int = 32,
    batch: int = 8,
    joints: Sequence[str] = (),
) -> Attribution:
    """One of the methods by its name; `steps` and `batch` are for integrated gradients.

    Raises:
        PolicyError: an unknown method, and as the methods do.
    """
    if method == INPUT_GRADIENTS:
        return input_gradients(policy, observation, target, baseline=baseline, joints=joints)
    if method == INTEGRATED_GRADIENTS:
        return integrated_gradients(
            policy, observation, target, baseline=baseline, steps=steps, batch=batch, joints=joints
        )
    if method == GRAD_CAM:
        return grad_cam(policy, observation, target, baseline=baseline, joints=joints)
    message = f"method {method!r} is unknown: it must be one of {', '.join(GRADIENT_METHODS)}"
    raise PolicyError(message)


def input_gradients(
    policy: Differentiable,
    observation: Observation,
    target: Target = CHUNK,
    *,
    baseline: Baseline = "blur",
    joints: Sequence[str] = (),
) -> Attribution:
    """Size of the target's gradient at each pixel: the sum over the channels of its absolute value.

    The gradient is that with respect to the normalised image, so its unit is the target's per
    standard deviation of the training images where the policy normalises by it. It is never
    negative; `state` holds the signed gradient with respect to the normalised joint state. It says
    what a small change would do, nothing about how the observation differs from a baseline, which
    serves the default target alone.

    Source: Simonyan, Vedaldi and Zisserman, Deep inside convolutional networks, 2013, who take the
    channels' maximum instead of the sum.

    Args:
        policy: an ACT policy.
        observation: as Policy.step takes it.
        target: what to explain.
        baseline: one of BASELINES, or pictures by feature, for the default target.
        joints: the joints' names, for the label.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: a target or baseline that the policy does not have, or a gradient that is not
            finite.
    """
    with gradients(policy.spec.device):
        question = make_question(policy, observation, target, baseline, joints)
        images = question.path.at([1.0])
        state = question.path.held
        if state is not None:
            state = state.detach().clone().requires_grad_()
            question = question.with_held(state)
        inputs = images if state is None else [*images, state]
        found = torch.autograd.grad(question.values(images).sum(), inputs)
    pixels = [gradient[0].abs().sum(0) for gradient in found[: len(images)]]
    return _attribution(question, INPUT_GRADIENTS, pixels, None if state is None else found[-1][0])


def integrated_gradients(
    policy: Differentiable,
    observation: Observation,
    target: Target = CHUNK,
    *,
    baseline: Baseline = "blur",
    joint_state: str = "held",
    steps: int = 32,
    batch: int = 8,
    joints: Sequence[str] = (),
) -> Attribution:
    """Mean gradient on the straight line from a baseline, times the way: signed, in target units.

    The attributions sum to the change of the target from the baseline to the observation, up to
    `completeness_error`, which falls with more steps. The integral is a midpoint sum.

    The images alone move along the line: joint and environment state stay those of the observation,
    so the sum is what the images did, given where the arm is, and `state` is NaN. With
    joint_state="mean" the joint state moves as well, from the training data's mean, and `state` has
    its part, in the same unit as the pixels'.

    Source: Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, 2017.

    Args:
        policy: an ACT policy.
        observation: as Policy.step takes it.
        target: what to explain.
        baseline: the images at the start of the line: "black"; "mean", the training images' mean,
            which is what the policy normalises to zero; "blur", the observation's own under a
            Gaussian (see act_path.BLUR); or pictures of your own by feature, (H, W, 3) uint8 RGB of
            the policy's size, and a camera that they leave out does not move.
        joint_state: one of JOINT_STATES.
        steps: points on the line.
        batch: how many of them are computed at a time, which bounds the memory.
        joints: the joints' names, for the label.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: a target, baseline or joint_state that the policy does not have, steps or batch
            below 1, or a gradient that is not finite.
    """
    _check_count("steps", steps)
    _check_count("batch", batch)
    middles = [(step + 0.5) / steps for step in range(steps)]
    with gradients(policy.spec.device):
        question = make_question(policy, observation, target, baseline, joints, joint_state)
        path = question.path
        sums = [torch.zeros_like(end) for end in path.ends]
        for start in range(0, steps, batch):
            moving = path.at(middles[start : start + batch])
            found = torch.autograd.grad(question.values(moving).sum(), moving)
            sums = [a + b.sum(0, keepdim=True) for a, b in zip(sums, found, strict=True)]
    ways = zip(path.starts, path.ends, sums, strict=True)
    parts = [((end - start) * total / steps)[0] for start, end, total in ways]
    pixels = [part.sum(0) for part in parts[: path.cameras]]
    state = parts[-1] if joint_state != "held" else None
    result = _attribution(question, INTEGRATED_GRADIENTS, pixels, state)
    total = result.total + (0.0 if state is None else float(state.double().sum()))
    error = abs(total - result.change)
    return replace(result, total=total, completeness_error=error, points=steps)


def grad_cam(
    policy: Differentiable,
    observation: Observation,
    target: Target = CHUNK,
    *,
    baseline: Baseline = "blur",
    joints: Sequence[str] = (),
) -> Attribution:
    """Grad-CAM on the backbone's last feature map: one value per cell, never negative.

    Each channel of a camera's map is weighed by the mean of its gradient over that camera's cells;
    the weighed channels are summed and what is below 0 is cut off. A classifier's score has one
    direction; a joint has two. The cells that remain are those that push the target up: for the
    default target away from the baseline's chunk, for a joint towards its positive end. Cells that
    pull it down are 0.

    Source: Selvaraju et al., Grad-CAM, 2017.

    Args, raises: as input_gradients.
    """
    maps: list[Tensor] = []

    def cut(_module: nn.Module, _inputs: object, output: Mapping[str, Tensor]) -> dict[str, Tensor]:
        maps.append(output["feature_map"].detach().requires_grad_())
        return {**output, "feature_map": maps[-1]}

    with gradients(policy.spec.device), ExitStack() as hooks:
        question = make_question(policy, observation, target, baseline, joints)
        images = [image.detach() for image in question.path.at([1.0])]
        hooks.callback(question.path.model.backbone.register_forward_hook(cut).remove)
        found = torch.autograd.grad(question.values(images).sum(), maps)
    cells = [
        (gradient.mean((2, 3), keepdim=True) * features).sum(1)[0].relu()
        for gradient, features in zip(found, maps, strict=True)
    ]
    return _attribution(question, GRAD_CAM, cells, None)


def _attribution(
    question: Question, method: str, values: Sequence[Tensor], state: Tensor | None
) -> Attribution:
    """From one tensor per camera, of pixels or for Grad-CAM of cells."""
    spec = question.spec
    arrays = [_array(value) for value in values]
    vector = np.full(spec.state_dim, np.nan, np.float32) if state is None else _array(state)
    given = arrays if state is None else [*arrays, vector]
    if not all(np.isfinite(array).all() for array in given):
        message = f"the gradients of {spec.name} are not finite on this observation"
        raise PolicyError(message)
    named = dict(zip((camera.feature for camera in spec.cameras), arrays, strict=True))
    by_pixel = method != GRAD_CAM
    if by_pixel:
        cells = {
            camera.feature: pool_into_cells(named[camera.feature], camera).astype(np.float32)
            for camera in spec.layout.cameras
        }
    return Attribution(
        explained_by="lerobot float32",
        method=method,
        target=question.target,
        baseline=question.baseline,
        layer="images" if by_pixel else "backbone.layer4",
        images=named if by_pixel else None,
        cells=cells if by_pixel else named,
        state=vector,
        total=float(sum(array.sum(dtype=np.float64) for array in arrays)),
        change=question.change,
    )


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or operator.index(value) < 1:
        message = f"{name} {value!r} must be an integer of 1 or more"
        raise PolicyError(message)
