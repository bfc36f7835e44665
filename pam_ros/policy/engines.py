# SPDX-License-Identifier: Apache-2.0
"""Which engine computes a policy's forward pass, and whether it agrees with lerobot's own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import torch

from pam_ros.policy.act_graph import ActGraph
from pam_ros.policy.act_hooks import HookedForward
from pam_ros.policy.act_pass import Prepared
from pam_ros.policy.act_supported import why_unsupported
from pam_ros.policy.engine_eager import EagerForward
from pam_ros.policy.interface import DTYPES, ENGINES, EngineReport, PolicyError
from pam_ros.policy.kernels import PlainKernels

if TYPE_CHECKING:
    from torch import nn

    from pam_ros.policy.act_pass import Engine, Forward
    from pam_ros.policy.interface import PolicySpec

logger = logging.getLogger(__name__)

# Largest difference that a float32 pass may have from lerobot's at load, relative to the largest
# action; float32 gives about 1e-6.
SELF_CHECK_TOLERANCE = 1e-4


class Passes(NamedTuple):
    """forward: float32, any batch. engine: for one observation. report: about the engine."""

    forward: Forward
    engine: Engine
    report: EngineReport


def check_engine(engine: str, dtype: str) -> None:
    """Raise PolicyError, with the valid names, for a name that is no engine or dtype."""
    for what, name, valid in (("engine", engine, ENGINES), ("dtype", dtype, DTYPES)):
        if name not in valid:
            message = f"{what} {name!r} must be {', '.join(valid[:-1])} or {valid[-1]}"
            raise PolicyError(message)


def make_passes(model: nn.Module, spec: PolicySpec, engine: str, dtype: str) -> Passes:
    """The written-out pass where it covers the model and agrees with lerobot's, else lerobot's.

    Raises:
        PolicyError: the engine cannot be used here.
    """
    if engine not in {"auto", "eager"} or dtype != "float32":
        message = f"engine {engine!r} in {dtype} is not there yet"
        raise PolicyError(message)
    hooked = HookedForward(model)
    reason = why_unsupported(model)
    if reason is None:
        sizes = [(camera.rows, camera.cols) for camera in spec.layout.cameras]
        forward = EagerForward(ActGraph(model, sizes, PlainKernels()))
        difference = _difference(forward, hooked, spec)
        if difference <= SELF_CHECK_TOLERANCE:
            report = EngineReport("eager", "float32", 0.0, "asked for")
            return Passes(forward, forward, report)
        reason = f"the written-out pass differs from lerobot's by {difference:.1e}"
    logger.warning("%s: lerobot's own forward pass is used, with hooks: %s", spec.name, reason)
    report = EngineReport("hooks", "float32", 0.0, f"lerobot's own pass, since {reason}")
    return Passes(hooked, hooked, report)


def noise_inputs(spec: PolicySpec) -> Prepared:
    """One observation of normal noise, always the same."""
    noise = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=noise).to(spec.device)

    return Prepared(
        tuple(draw(1, 3, camera.height, camera.width) for camera in spec.cameras),
        draw(1, spec.state_dim) if spec.state_feature else None,
        draw(1, spec.environment_dim) if spec.environment_feature else None,
    )


def _difference(ours: Engine, reference: Engine, spec: PolicySpec) -> float:
    """Of the two passes on noise, the actions' relative to the largest action.

    In full float32: TF32, which is on by default on newer GPUs, would differ by its own rounding.
    """
    inputs = noise_inputs(spec)
    allowed = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        mine, expected = ours(inputs), reference(inputs)
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = allowed
    scale = float(expected.chunk.abs().max()) + 1e-9
    return max(
        float((mine.chunk - expected.chunk).abs().max()) / scale,
        float((mine.attention - expected.attention).abs().max()),
    )
