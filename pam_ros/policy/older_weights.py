# SPDX-License-Identifier: Apache-2.0
"""The statistics that lerobot kept among a policy's weights before 0.4.

Before it had processors, a policy normalised by itself, and model.safetensors held what it needed:

    normalize_inputs.buffer_observation_state.mean     inputs
    unnormalize_outputs.buffer_action.std              outputs
    normalize_targets.buffer_action.std                outputs in training; the same numbers

A buffer's name has underscores for the feature's dots. So the features of config.json are looked up
by their buffers, and never the other way round: `cam_high` stays what it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pam_ros.policy.checkpoint import PREPROCESSOR, WEIGHTS, weight_names
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.normalisation import IDENTITY, NEEDED, mode_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pam_ros.policy.checkpoint import Checkpoint

    Statistics = dict[str, dict[str, torch.Tensor]]

_NORMALISERS = ("normalize_inputs.", "normalize_targets.", "unnormalize_outputs.")
_BUFFER = re.compile(r"(\w+)\.buffer_(\w+)\.(mean|std|min|max)")


class Separated(NamedTuple):
    """weights: without the statistics. statistics: by feature of config.json, and by name."""

    weights: dict[str, torch.Tensor]
    statistics: Statistics


def normalises_itself(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is from before lerobot 0.4, with its statistics among its weights.

    Raises:
        PolicyError: the weights are damaged, or there are processors as well.
    """
    if not any(key.startswith(_NORMALISERS) for key in weight_names(checkpoint)):
        return False
    if (checkpoint.folder / PREPROCESSOR).exists():
        raise PolicyError(
            f"{checkpoint.name} normalises twice: in {WEIGHTS}, as before lerobot 0.4, and in "
            f"{PREPROCESSOR}: take the processors' files away, or save the policy without its "
            "normalisation"
        )
    return True


def separate_statistics(name: str, weights: Mapping[str, torch.Tensor], config: Any) -> Separated:
    """Take the statistics out of the weights.

    Args:
        name: the checkpoint's, for errors.
        weights: of the file.
        config: lerobot's, with input_features, output_features and normalization_mapping.

    Raises:
        PolicyError: a buffer is missing, is of no feature, or of one that is not normalised, or
            targets and outputs disagree. Names the buffer.
    """
    kept = {key: tensor for key, tensor in weights.items() if not key.startswith(_NORMALISERS)}
    buffers = {key: tensor for key, tensor in weights.items() if key not in kept}
    inputs, outputs = config.input_features or {}, config.output_features or {}
    sides = (("normalize_inputs", inputs), ("unnormalize_outputs", outputs))
    statistics: Statistics = {}
    expected: set[str] = set()
    for module, features in sides:
        _refuse_shared(name, features)
        for feature, description in features.items():
            for statistic in _statistics_of(config, description):
                key = _buffer(module, feature, statistic)
                if key not in buffers:
                    raise PolicyError(
                        f"{name} was saved before lerobot 0.4, and its {WEIGHTS} lacks {key}, "
                        f"which {feature} is normalised by: it would pass un-normalised"
                    )
                expected.add(key)
                statistics.setdefault(feature, {})[statistic] = buffers[key]
    _check_targets(name, buffers, expected)
    _refuse_left_over(name, set(buffers) - expected)
    return Separated(kept, statistics)


def _statistics_of(config: Any, description: Any) -> tuple[str, ...]:
    mode = mode_of(config.normalization_mapping, description.type)
    return () if mode == IDENTITY else NEEDED.get(mode, ())


def _buffer(module: str, feature: str, statistic: str) -> str:
    return f"{module}.buffer_{feature.replace('.', '_')}.{statistic}"


def _refuse_shared(name: str, features: Iterable[str]) -> None:
    """Two features of one buffer: lerobot kept the statistics of one of them alone."""
    seen: dict[str, str] = {}
    for feature in features:
        buffer = feature.replace(".", "_")
        if buffer in seen:
            raise PolicyError(
                f"{name} was saved before lerobot 0.4, when {seen[buffer]} and {feature} shared "
                f"the buffer {buffer}: the statistics of one of them are lost"
            )
        seen[buffer] = feature


def _check_targets(name: str, buffers: Mapping[str, torch.Tensor], expected: set[str]) -> None:
    """The targets' statistics, which training alone used, are the outputs', if they are there."""
    for key in [key for key in buffers if key.startswith("normalize_targets.")]:
        output = key.replace("normalize_targets.", "unnormalize_outputs.", 1)
        if output not in expected:
            continue
        if not torch.equal(buffers[key], buffers[output]):
            raise PolicyError(
                f"{name}: {key} and {output} in {WEIGHTS} differ: the policy was trained with "
                "other statistics than it would run with"
            )
        expected.add(key)


def _refuse_left_over(name: str, keys: set[str]) -> None:
    if not keys:
        return
    key = min(keys)
    if _BUFFER.fullmatch(key) is None:
        why = "is not a buffer that lerobot had before 0.4"
    else:
        why = "is of no feature that config.json says is normalised so"
    raise PolicyError(f"{name}: {key} in {WEIGHTS} {why}")
