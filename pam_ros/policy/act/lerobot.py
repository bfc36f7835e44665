# SPDX-License-Identifier: Apache-2.0
"""The only file of this room that imports lerobot: from 0.4.4 on, 0.6 included.

Where lerobot moves something between versions, the difference stays in here.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING, Any

import torch
from draccus.parsers import decoding
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACT
from lerobot.policies.factory import make_pre_post_processors

from pam_ros.policy.checkpoint import POSTPROCESSOR, PREPROCESSOR, WEIGHTS
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

# Set by load_policy, or of no use in inference: never read from the checkpoint's config.json.
_OVERRIDDEN: dict[str, Any] = {"pretrained_backbone_weights": None, "use_vae": False}
# Above what any policy has: a network of more is a damaged or hostile file, and building it, even
# without memory for its weights, would never end.
_LARGEST = {
    "n_encoder_layers": 100,
    "n_decoder_layers": 100,
    "n_vae_encoder_layers": 100,
    "n_obs_steps": 1000,
    "n_heads": 10_000,
    "chunk_size": 100_000,
    "n_action_steps": 100_000,
    "dim_model": 1_000_000,
    "dim_feedforward": 1_000_000,
    "latent_dim": 1_000_000,
}
_LARGEST_FEATURE = 2**28
# lerobot knows "glu" too, which halves the width that the next layer expects: its own pass fails.
_ACTIVATIONS = ("relu", "gelu")


def parse_config(name: str, fields: Mapping[str, Any], device: str) -> ACTConfig:
    """The ACTConfig of a checkpoint's config.json.

    The backbone's ImageNet weights are left out, since building the model would download them and
    the checkpoint overwrites them. So is the VAE encoder, which only training runs.

    Raises:
        PolicyError: a field that lerobot's ACTConfig refuses.
    """
    known = {field.name for field in dataclasses.fields(ACTConfig)}
    unknown = sorted(set(fields) - known - {"type"})
    if unknown:
        logger.warning(
            "%s: the installed lerobot does not know %s of config.json; left out",
            name,
            ", ".join(unknown),
        )
    kept = {key: value for key, value in fields.items() if key in known}
    try:
        config: ACTConfig = decoding.decode(ACTConfig, {**kept, **_OVERRIDDEN, "device": device})
        config.validate_features()
    except Exception as error:
        message = f"{name}: lerobot's ACTConfig refuses config.json: {_reason(error)}"
        raise PolicyError(message) from error
    _refuse_sizes(name, config)
    _refuse_what_cannot_step(name, config)
    if config.action_feature is None:
        message = f"{name}: output_features must have 'action' in config.json"
        raise PolicyError(message)
    return config


def _refuse_sizes(name: str, config: ACTConfig) -> None:
    for field, largest in _LARGEST.items():
        value = getattr(config, field)
        if value > largest:
            message = f"{name}: {field} {value} in config.json must be at most {largest}"
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


def _refuse_what_cannot_step(name: str, config: ACTConfig) -> None:
    """Settings that lerobot builds a network of, whose every pass then fails."""
    if config.feedforward_activation not in _ACTIVATIONS:
        message = (
            f"{name}: feedforward_activation {config.feedforward_activation!r} in config.json must "
            f"be one of {', '.join(_ACTIVATIONS)}: lerobot's ACT cannot make a step with another"
        )
        raise PolicyError(message)
    if config.image_features and config.dim_model % 4:
        message = (
            f"{name}: dim_model {config.dim_model} in config.json must be a multiple of 4: the "
            "position embedding of images takes no other width"
        )
        raise PolicyError(message)


def build_model(name: str, config: ACTConfig) -> ACT:
    """The ACT module without memory for its weights (meta device), in evaluation mode.

    Raises:
        PolicyError: sizes that make no network.
    """
    try:
        with torch.device("meta"):
            return ACT(config).eval()
    except Exception as error:
        message = f"{name}: no ACT network can be built from config.json: {_reason(error)}"
        raise PolicyError(message) from error


def load_processors(
    name: str, folder: Path, config: ACTConfig, device: str, pipelines: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Pre- and post-processor of a checkpoint folder, on `device` whatever they were saved on.

    Args:
        name: the checkpoint's, for errors.
        folder: holds the two JSON files and the state files that they name.
        config: the checkpoint's.
        device: where the model is.
        pipelines: what the two JSON files hold, by file name.

    Raises:
        PolicyError: a step that lerobot cannot make.
    """
    try:
        preprocessor, postprocessor = make_pre_post_processors(
            config,
            pretrained_path=str(folder),
            preprocessor_overrides=_on_device(pipelines[PREPROCESSOR], device),
            postprocessor_overrides=_on_device(pipelines[POSTPROCESSOR], "cpu"),
        )
    except Exception as error:
        message = f"{name}: lerobot cannot make the checkpoint's processors: {_reason(error)}"
        raise PolicyError(message) from error
    return preprocessor, postprocessor


def make_processors(
    name: str, config: ACTConfig, statistics: Mapping[str, Mapping[str, torch.Tensor]]
) -> tuple[tuple[Any, Any], tuple[list[str], list[str]]]:
    """The processors that lerobot gives a new policy, on the configuration's device.

    Args:
        name: the checkpoint's, for errors.
        config: the checkpoint's.
        statistics: by feature and name.

    Returns:
        The pre- and the post-processor, and for each the file of its steps' state, for errors.

    Raises:
        PolicyError: lerobot cannot make them.
    """
    try:
        processors = make_pre_post_processors(config, dataset_stats=statistics)
    except Exception as error:
        message = f"{name}: lerobot cannot make processors of its statistics: {_reason(error)}"
        raise PolicyError(message) from error
    before, after = ([WEIGHTS] * len(pipeline.steps) for pipeline in processors)
    return processors, (before, after)


def _reason(error: BaseException) -> str:
    """The error and its first cause, on one line: draccus says where in one, what in the other."""
    first = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause
    sentences = [" ".join(str(e).split()).rstrip(".") or type(e).__name__ for e in (error, first)]
    return ": ".join(dict.fromkeys(sentences))


def _on_device(pipeline: Mapping[str, Any], device: str) -> dict[str, Any]:
    steps = {step.get("registry_name") for step in pipeline["steps"]}
    return {"device_processor": {"device": device}} if "device_processor" in steps else {}
