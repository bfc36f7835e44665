# SPDX-License-Identifier: Apache-2.0
"""Gradient methods for Diffusion Policy, through all denoising steps at noise that stays the same.

What each method is, and where it comes from, is said in act/gradients.py. Here each camera's
pictures of the history move together, and the values of a place are summed over them.

There is no Grad-CAM. It weighs a channel of the feature map by the mean of its gradient over the
cells, and through a spatial softmax that mean is 0: what is added to a channel everywhere moves no
keypoint.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.attention.attribution import (
    BASELINES,
    GRAD_CAM,
    GRADIENT_METHODS,
    INPUT_GRADIENTS,
    Attribution,
)
from pam_ros.attention.cell_grids import pool_into_cells
from pam_ros.policy.act.path import gradients
from pam_ros.policy.act.prepare import as_array
from pam_ros.policy.act.target import direction_of, rows_of
from pam_ros.policy.diffusion.differentiable import Differentiable, expanded
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.attention.attribution import Target
    from pam_ros.policy.diffusion.prepare import Prepared
    from pam_ros.policy.interface import PolicySpec

BATCH = 4
"""Points of integrated gradients at a time, which bounds the memory."""


def attribute(
    net: Differentiable,
    spec: PolicySpec,
    inputs: Prepared,
    method: str,
    target: Target,
    baseline: str,
    steps: int,
    joints: Sequence[str],
    starts: Tensor | None = None,
) -> Attribution:
    """One method on one history's inputs; see abilities.GradientExplaining.

    starts: the baseline's pictures, as the inputs have theirs, instead of a baseline by its name.

    Raises:
        PolicyError: an unknown method, baseline, target or number of steps, or a gradient that is
            not finite.
    """
    why_not = why_no_method(method)
    if why_not:
        message = f"{spec.name}: {why_not}"
        raise PolicyError(message)
    for what, name, known in (
        ("method", method, GRADIENT_METHODS),
        ("baseline", baseline, BASELINES if starts is None else (baseline,)),
    ):
        if name not in known:
            message = f"{what} {name!r} is unknown: it must be one of {', '.join(known)}"
            raise PolicyError(message)
    if target.change:
        message = "target 'change' is one of contributions alone: there is no tick before"
        raise PolicyError(message)
    if joints and len(joints) != spec.action_dim:
        message = f"joints has {len(joints)} names: it must have {spec.action_dim}"
        raise PolicyError(message)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        message = f"steps {steps!r} must be an integer of 1 or more"
        raise PolicyError(message)
    rows = rows_of(target, spec)
    assert inputs.images is not None
    ends = inputs.images
    with gradients(spec.device):
        if starts is None:
            starts = net.baseline(ends, baseline)[0]
        with torch.no_grad():
            both = expanded(inputs, 2)._replace(images=torch.cat([starts, ends]))
            start, end = net.chunks(both)
        way = end - start
        if not torch.isfinite(way).all():
            message = f"{spec.name} predicted a chunk that is not finite on this observation"
            raise PolicyError(message)
        direction = direction_of(target, rows, way)
        change = float((way * direction).double().sum())
        about = {"target": target.label(joints), "baseline": baseline, "change": change}
        if method == INPUT_GRADIENTS:
            return _input_gradients(net, spec, inputs, direction, about)
        return _integrated(net, spec, inputs, starts, steps, direction, about)


def why_no_method(method: str) -> str:
    """Why there is no such method here; empty if there is."""
    if method != GRAD_CAM:
        return ""
    return (
        "it gives no Grad-CAM, whose weights are 0 through a spatial softmax: use input_gradients, "
        "integrated_gradients or contribution"
    )


def _input_gradients(
    net: Differentiable,
    spec: PolicySpec,
    inputs: Prepared,
    direction: Tensor,
    about: dict[str, Any],
) -> Attribution:
    assert inputs.images is not None
    images = inputs.images.detach().clone().requires_grad_()
    state = inputs.state.detach().clone().requires_grad_()
    chunk = net.chunks(inputs._replace(images=images, state=state))[0]
    by_image, by_state = torch.autograd.grad((chunk * direction).sum(), [images, state])
    pixels = by_image[0].abs().sum(dim=(0, 2))  # over the history and the channels
    return _attribution(spec, INPUT_GRADIENTS, pixels, by_state[0].sum(dim=0), about)


def _integrated(
    net: Differentiable,
    spec: PolicySpec,
    inputs: Prepared,
    starts: Tensor,
    steps: int,
    direction: Tensor,
    about: dict[str, Any],
) -> Attribution:
    assert inputs.images is not None
    ends = inputs.images
    middles = (torch.arange(steps, device=ends.device, dtype=torch.float32) + 0.5) / steps
    total = torch.zeros_like(ends)
    for begin in range(0, steps, BATCH):
        some = middles[begin : begin + BATCH]
        points = some.view(-1, *[1] * (ends.ndim - 1))
        images = torch.lerp(starts, ends, points).requires_grad_()
        chunks = net.chunks(expanded(inputs, len(some))._replace(images=images))
        (found,) = torch.autograd.grad((chunks * direction).sum(), images)
        total += found.sum(dim=0, keepdim=True)
    pixels = ((ends - starts) * total / steps)[0].sum(dim=(0, 2))
    result = _attribution(spec, "integrated_gradients", pixels, None, about)
    error = abs(result.total - result.change)
    return replace(result, completeness_error=error, points=steps)


def _attribution(
    spec: PolicySpec, method: str, values: Tensor, state: Tensor | None, about: dict[str, Any]
) -> Attribution:
    """From (cameras, H, W) values per pixel."""
    named = {
        camera.feature: as_array(value) for camera, value in zip(spec.cameras, values, strict=True)
    }
    vector = np.full(spec.state_dim, math.nan, np.float32) if state is None else as_array(state)
    given = [*named.values(), *([] if state is None else [vector])]
    if not all(np.isfinite(array).all() for array in given):
        message = f"the gradients of {spec.name} are not finite on this observation"
        raise PolicyError(message)
    cells = {
        camera.feature: pool_into_cells(named[camera.feature], camera).astype(np.float32)
        for camera in spec.layout.cameras
    }
    return Attribution(
        method=method,
        layer="images",
        images=named,
        cells=cells,
        state=vector,
        total=float(sum(array.sum(dtype=np.float64) for array in named.values())),
        explained_by="lerobot float32",
        **about,
    )
