# SPDX-License-Identifier: Apache-2.0
"""load_diffusion: from a checkpoint of lerobot's Diffusion Policy to a Policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from pam_ros.policy.act.lerobot import load_processors, make_processors
from pam_ros.policy.act.resized import refuse_cropped
from pam_ros.policy.checkpoint import check_weights, read_pipelines, read_weights, state_files
from pam_ros.policy.diffusion.lerobot import build_model, parse_config
from pam_ros.policy.diffusion.policy import DiffusionPolicy
from pam_ros.policy.diffusion.prepare import Preparation
from pam_ros.policy.diffusion.spec import make_spec
from pam_ros.policy.interface import EngineReport, PolicyError
from pam_ros.policy.normalisation import check_normalisation, feature_statistics
from pam_ros.policy.observation import empty_observation
from pam_ros.policy.older_weights import normalises_itself, separate_statistics
from pam_ros.policy.renames import take_renames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.policy.checkpoint import Checkpoint
    from pam_ros.policy.options import LoadOptions

EAGER = "eager"


def load_diffusion(checkpoint: Checkpoint, options: LoadOptions) -> DiffusionPolicy:
    """Load a LeRobot Diffusion Policy with its pre- and post-processors; see registry.Loader.

    Half-precision weights are computed in float32. Of a checkpoint from before lerobot 0.4 the
    processors are made of the statistics among its weights.
    """
    name = checkpoint.name
    _refuse(name, options)
    older = normalises_itself(checkpoint)
    pipelines = {} if older else read_pipelines(checkpoint)
    fields = _executed(name, checkpoint.config, options.n_action_steps)
    config = parse_config(name, fields, options.device)
    _check_horizon(name, config)
    model = build_model(name, config)
    weights, sha256 = read_weights(checkpoint)
    if older:
        weights, statistics = separate_statistics(name, weights, config)
        processors, files = make_processors(name, cast("Any", config), statistics)
    else:
        processors = load_processors(
            name, checkpoint.folder, cast("Any", config), options.device, pipelines
        )
        files = state_files(pipelines)
    model.load_state_dict(_fitting(name, weights, model.state_dict()), assign=True)
    model = model.to(options.device).requires_grad_(requires_grad=False)
    spec = make_spec(name, sha256, config, model, options.device)
    renames = take_renames(name, processors[0], spec.features)
    check_normalisation(name, config, processors, files, renames)
    spec = replace(spec, statistics=feature_statistics(config, processors), renames=renames)
    refuse_cropped(spec, processors[0])
    report = EngineReport(EAGER, "float32", 0.0, f"{EAGER} is the only one for a Diffusion Policy")
    policy = DiffusionPolicy(spec, model, Preparation(spec, *processors), report, options.seed)
    _try_a_step(policy)
    return policy


def _refuse(name: str, options: LoadOptions) -> None:
    if options.engine not in {"auto", EAGER} or options.dtype != "float32":
        message = (
            f"{name} is a Diffusion Policy, which runs by engine {EAGER} in float32, not by "
            f"{options.engine} in {options.dtype}"
        )
        raise PolicyError(message)
    if options.temporal_ensemble_coeff is not None:
        message = f"{name} is a Diffusion Policy: it has no temporal ensembling"
        raise PolicyError(message)


def _executed(name: str, fields: Mapping[str, Any], n_action_steps: int | None) -> dict[str, Any]:
    """config.json with the caller's choice."""
    if n_action_steps is None:
        return dict(fields)
    if (
        isinstance(n_action_steps, bool)
        or not isinstance(n_action_steps, int)
        or n_action_steps < 1
    ):
        message = f"{name}: n_action_steps {n_action_steps!r} must be an integer of 1 or more"
        raise PolicyError(message)
    return {**fields, "n_action_steps": n_action_steps}


def _check_horizon(name: str, config: Any) -> None:
    rows = config.horizon - config.n_obs_steps + 1
    if not 1 <= config.n_action_steps <= rows:
        message = (
            f"{name}: n_action_steps {config.n_action_steps} must be from 1 to {rows}: of horizon "
            f"{config.horizon} the first {config.n_obs_steps - 1} are of ticks that are over"
        )
        raise PolicyError(message)


def _fitting(
    name: str, weights: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The tensors by the network's own names; half precision is widened.

    Raises:
        PolicyError: a tensor is missing, left over, of another shape, or not finite.
    """
    found = {key.removeprefix("diffusion."): tensor for key, tensor in weights.items()}
    check_weights(name, found, expected)
    # In memory of their own: where it begins in a file's, kernels of BLAS round otherwise.
    return {
        key: tensor.to(expected[key].dtype, copy=True, memory_format=torch.contiguous_format)
        for key, tensor in found.items()
    }


def _try_a_step(policy: DiffusionPolicy) -> None:
    """Once, so that what can never step is told at load and not on every tick.

    A result that is not finite is left to the tick: another observation may have a finite one.
    """
    try:
        policy.forward(policy.prepare([empty_observation(policy.spec)]))
    except PolicyError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{policy.spec.name} cannot make a step: {reason}"
        raise PolicyError(message) from error
