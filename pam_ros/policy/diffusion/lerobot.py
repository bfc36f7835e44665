# SPDX-License-Identifier: Apache-2.0
"""The only file of this adapter that imports lerobot's Diffusion Policy: from 0.4.4 on."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING, Any

import torch
from draccus.parsers import decoding

from pam_ros.policy.interface import PolicyError

try:
    from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
    from lerobot.policies.diffusion.modeling_diffusion import DiffusionModel
except ImportError as error:  # from lerobot 0.6 on it is an extra
    message = (
        f"lerobot's Diffusion Policy cannot be imported: {' '.join(str(error).split())}; it needs "
        "the package diffusers (pip install 'lerobot[diffusion]')"
    )
    raise PolicyError(message) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

# Of no use in inference, or a change of what computes: never read from config.json.
_OVERRIDDEN: dict[str, Any] = {"pretrained_backbone_weights": None, "compile_model": False}
# Above what any policy has: a network of more is a damaged or hostile file.
_LARGEST = {
    "n_obs_steps": 1000,
    "horizon": 100_000,
    "n_action_steps": 100_000,
    "spatial_softmax_num_keypoints": 100_000,
    "kernel_size": 10_000,
    "n_groups": 100_000,
    "diffusion_step_embed_dim": 1_000_000,
    "num_train_timesteps": 1_000_000,
    "num_inference_steps": 1_000_000,
}
_LARGEST_WIDTH = 1_000_000
_LARGEST_FEATURE = 2**28


def parse_config(name: str, fields: Mapping[str, Any], device: str) -> DiffusionConfig:
    """The DiffusionConfig of a checkpoint's config.json.

    The backbone's ImageNet weights are left out, since building the model would download them and
    the checkpoint overwrites them. So is `compile_model`: what is compiled is another computation.

    Raises:
        PolicyError: a field that lerobot's DiffusionConfig refuses, or that makes no pass.
    """
    known = {field.name for field in dataclasses.fields(DiffusionConfig)}
    unknown = sorted(set(fields) - known - {"type"})
    if unknown:
        logger.warning(
            "%s: the installed lerobot does not know %s of config.json; left out",
            *(name, ", ".join(unknown)),
        )
    kept = {key: value for key, value in fields.items() if key in known}
    try:
        config: DiffusionConfig = decoding.decode(
            DiffusionConfig, {**kept, **_OVERRIDDEN, "device": device}
        )
        config.validate_features()
    except Exception as error:
        message = f"{name}: lerobot's DiffusionConfig refuses config.json: {_reason(error)}"
        raise PolicyError(message) from error
    _refuse_sizes(name, config)
    if config.action_feature is None:
        message = f"{name}: output_features must have 'action' in config.json"
        raise PolicyError(message)
    if config.robot_state_feature is None:
        message = (
            f"{name}: input_features must have 'observation.state' in config.json: lerobot's "
            "Diffusion Policy cannot be built without"
        )
        raise PolicyError(message)
    return config


def _refuse_sizes(name: str, config: DiffusionConfig) -> None:
    for field, largest in _LARGEST.items():
        value = getattr(config, field)
        if value is not None and not 1 <= value <= largest:
            message = f"{name}: {field} {value} in config.json must be from 1 to {largest}"
            raise PolicyError(message)
    if not config.down_dims or any(not 1 <= w <= _LARGEST_WIDTH for w in config.down_dims):
        message = (
            f"{name}: down_dims {config.down_dims} in config.json must be widths from 1 to "
            f"{_LARGEST_WIDTH}"
        )
        raise PolicyError(message)
    if (config.num_inference_steps or 0) > config.num_train_timesteps:
        message = (
            f"{name}: num_inference_steps {config.num_inference_steps} in config.json must be at "
            f"most num_train_timesteps, {config.num_train_timesteps}"
        )
        raise PolicyError(message)
    features = {**(config.input_features or {}), **(config.output_features or {})}
    for feature, description in features.items():
        shape = tuple(description.shape)
        if any(size < 1 for size in shape) or math.prod(shape) > _LARGEST_FEATURE:
            message = (
                f"{name}: {feature} has shape {shape} in config.json: its sizes must be above 0, "
                f"and their product at most {_LARGEST_FEATURE}"
            )
            raise PolicyError(message)


def build_model(name: str, config: DiffusionConfig) -> DiffusionModel:
    """The network without memory for its weights (meta device), in evaluation mode.

    The scheduler of its noise is whole: that has no weights.

    Raises:
        PolicyError: sizes that make no network.
    """
    try:
        with torch.device("meta"):
            model = DiffusionModel(config).eval()
        scheduler = model.noise_scheduler
        model.noise_scheduler = type(scheduler).from_config(scheduler.config)
    except Exception as error:
        message = f"{name}: no Diffusion Policy can be built from config.json: {_reason(error)}"
        raise PolicyError(message) from error
    return model


def _reason(error: BaseException) -> str:
    """The error and its first cause, on one line: draccus says where in one, what in the other."""
    first = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause
    sentences = [" ".join(str(e).split()).rstrip(".") or type(e).__name__ for e in (error, first)]
    return ": ".join(dict.fromkeys(sentences))
