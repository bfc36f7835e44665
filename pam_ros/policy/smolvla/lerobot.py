# SPDX-License-Identifier: Apache-2.0
"""The only file of this room that imports lerobot's SmolVLA: 0.4.4, and 0.6 as far as it is read.

Importing it needs the extra `smolvla`: see packages.check_packages.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from accelerate import init_empty_weights
from draccus.parsers import decoding
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy

from pam_ros.policy.checkpoint import POSTPROCESSOR, PREPROCESSOR, check_weights
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

logger = logging.getLogger(__name__)

# Never read from the checkpoint: the vision-language model's weights are in it already, a compiled
# pass cannot be watched, and real-time chunking is for who calls predict_action_chunk himself.
_OVERRIDDEN: dict[str, Any] = {
    "load_vlm_weights": False,
    "compile_model": False,
    "rtc_config": None,
}
_VLM = "model.vlm_with_expert.vlm"
_LARGEST = {"chunk_size": 10_000, "num_steps": 1000, "tokenizer_max_length": 10_000}
_LARGEST_WIDTH = {"max_state_dim": 10_000, "max_action_dim": 10_000}


def parse_config(name: str, fields: Mapping[str, Any], vlm: Path, device: str) -> SmolVLAConfig:
    """The SmolVLAConfig of a checkpoint's config.json, without what only training needs.

    Raises:
        PolicyError: a field that lerobot's SmolVLAConfig refuses, or one that makes no policy.
    """
    known = {field.name for field in dataclasses.fields(SmolVLAConfig)}
    unknown = sorted(set(fields) - known - {"type"})
    if unknown:
        logger.warning(
            "%s: the installed lerobot does not know %s of config.json; left out",
            name,
            ", ".join(unknown),
        )
    kept = {key: value for key, value in fields.items() if key in known}
    own = {**_OVERRIDDEN, "vlm_model_name": str(vlm), "device": device}
    try:
        config: SmolVLAConfig = decoding.decode(SmolVLAConfig, {**kept, **own})
        config.validate_features()
    except Exception as error:
        message = f"{name}: lerobot's SmolVLAConfig refuses config.json: {reason_of(error)}"
        raise PolicyError(message) from error
    for field, largest in {**_LARGEST, **_LARGEST_WIDTH}.items():
        value = getattr(config, field)
        if not 1 <= value <= largest:
            message = f"{name}: {field} {value} in config.json must be from 1 to {largest}"
            raise PolicyError(message)
    if config.action_feature is None:
        message = f"{name}: output_features must have 'action' in config.json"
        raise PolicyError(message)
    for feature, widest in (
        (config.action_feature, config.max_action_dim),
        (config.robot_state_feature, config.max_state_dim),
    ):
        if feature is None or feature.shape[0] > widest:
            what = "no observation.state" if feature is None else f"a vector wider than {widest}"
            message = f"{name} has {what} in config.json: SmolVLA cannot read it"
            raise PolicyError(message)
    return config


def build_policy(
    name: str, config: SmolVLAConfig, weights: dict[str, torch.Tensor], device: str
) -> SmolVLAPolicy:
    """Lerobot's policy with a checkpoint's tensors as they are, in their own dtypes.

    Raises:
        PolicyError: sizes that make no network, or tensors that are not its own.
    """
    try:
        # Without memory for weights. Buffers are no part of a checkpoint and are made as they are.
        # lerobot prints how many layers it keeps: standard output is the command's own.
        with redirect_stdout(sys.stderr), init_empty_weights(include_buffers=False):
            policy = SmolVLAPolicy(config)
    except Exception as error:
        message = f"{name}: no SmolVLA can be built from config.json: {reason_of(error)}"
        raise PolicyError(message) from error
    _take_out_the_head(policy, weights)
    check_weights(name, weights, policy.state_dict())
    policy.load_state_dict(weights, assign=True)
    return policy.requires_grad_(requires_grad=False).to(device).eval()


def _take_out_the_head(policy: SmolVLAPolicy, weights: dict[str, torch.Tensor]) -> None:
    """Leave out what makes words, which a policy never does: it is among the largest tensors.

    Where it is tied to the embedding, safetensors may have kept the one tensor by the head's name.
    """
    policy.model.vlm_with_expert.vlm.lm_head = None
    head = weights.pop(f"{_VLM}.lm_head.weight", None)
    if head is not None:
        weights.setdefault(f"{_VLM}.model.text_model.embed_tokens.weight", head)


def load_processors(
    name: str, folder: Path, config: SmolVLAConfig, pipelines: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Pre- and post-processor of a checkpoint folder, on the configuration's device.

    Raises:
        PolicyError: a step that lerobot cannot make.
    """
    tokenizer = {"tokenizer_processor": {"tokenizer_name": config.vlm_model_name}}
    try:
        preprocessor, postprocessor = make_pre_post_processors(
            config,
            pretrained_path=str(folder),
            preprocessor_overrides=_there(
                pipelines[PREPROCESSOR],
                {**tokenizer, "device_processor": {"device": config.device}},
            ),
            postprocessor_overrides=_there(
                pipelines[POSTPROCESSOR], {"device_processor": {"device": "cpu"}}
            ),
        )
    except Exception as error:
        message = f"{name}: lerobot cannot make the checkpoint's processors: {reason_of(error)}"
        raise PolicyError(message) from error
    return preprocessor, postprocessor


def reason_of(error: BaseException) -> str:
    """The error and its first cause, on one line."""
    first = error
    while (cause := first.__cause__ or first.__context__) is not None:
        first = cause
    sentences = [" ".join(str(e).split()).rstrip(".") or type(e).__name__ for e in (error, first)]
    return ": ".join(dict.fromkeys(sentences))


def _there(pipeline: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides of steps that a pipeline has; lerobot refuses others."""
    steps = {step.get("registry_name") for step in pipeline["steps"]}
    return {name: values for name, values in overrides.items() if name in steps}
