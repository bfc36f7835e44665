# SPDX-License-Identifier: Apache-2.0
"""load_act and wrap: from an ACT checkpoint, or from a policy in memory, to a Policy."""

from __future__ import annotations

import copy
import hashlib
import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.attention.layout import CameraTokens
from pam_ros.policy.act.hooks import ENVIRONMENT, STATE
from pam_ros.policy.act.lerobot import (
    build_model,
    load_processors,
    make_processors,
    parse_config,
)
from pam_ros.policy.act.policy import ActPolicy
from pam_ros.policy.act.prepare import Preparation
from pam_ros.policy.act.resized import refuse_cropped, refuse_resized
from pam_ros.policy.act.spec import ActSpec, lay_out, stacks
from pam_ros.policy.act.supported import feature_map_size
from pam_ros.policy.act.weights import fit_weights
from pam_ros.policy.checkpoint import read_pipelines, read_weights, state_files
from pam_ros.policy.engines.choose import make_passes
from pam_ros.policy.interface import CameraSpec, PolicyError
from pam_ros.policy.normalisation import check_normalisation, feature_statistics
from pam_ros.policy.observation import empty_observation
from pam_ros.policy.older_weights import normalises_itself, separate_statistics
from pam_ros.policy.options import check_engine
from pam_ros.policy.renames import take_renames
from pam_ros.policy.token_means import take_own_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from pam_ros.policy.act.passes import Engine
    from pam_ros.policy.act.prepare import Postprocessor, Preprocessor
    from pam_ros.policy.checkpoint import Checkpoint
    from pam_ros.policy.options import LoadOptions

logger = logging.getLogger(__name__)


def load_act(checkpoint: Checkpoint, options: LoadOptions) -> ActPolicy:
    """Load a LeRobot ACT checkpoint with its pre- and post-processors; see registry.Loader.

    Half-precision weights are computed in float32. Of a checkpoint from before lerobot 0.4 the
    processors are made of the statistics among its weights.
    """
    name = checkpoint.name
    older = normalises_itself(checkpoint)
    pipelines = {} if older else read_pipelines(checkpoint)
    chosen = _execution(checkpoint.config, options.n_action_steps, options.temporal_ensemble_coeff)
    config = parse_config(name, {**checkpoint.config, **chosen}, options.device)
    model = build_model(name, config)
    weights, sha256 = read_weights(checkpoint)
    if older:
        weights, statistics = separate_statistics(name, weights, config)
        processors, files = make_processors(name, config, statistics)
    else:
        processors = load_processors(name, checkpoint.folder, config, options.device, pipelines)
        files = state_files(pipelines)
    model.load_state_dict(fit_weights(name, weights, model.state_dict()), assign=True)
    model = model.to(options.device).requires_grad_(requires_grad=False)
    policy = _assemble(
        name, sha256, model, processors, files, engine=options.engine, dtype=options.dtype
    )
    take_own_means(policy, checkpoint.folder)
    return policy


def wrap(
    act_policy: Any,
    preprocessor: Preprocessor,
    postprocessor: Postprocessor,
    engine: str = "auto",
    dtype: str = "float32",
) -> ActPolicy:
    """Show the attention of a lerobot ACTPolicy that is in memory, and leave it as it is.

    Model and processors are copied, and nothing is shared. Later training or steps of the original
    do not reach the copy, and hooks on the original's modules stay on the original alone. The copy
    computes in float32 on the original's device. spec.sha256 is that of the state dict: for each
    name in order the name, dtype and shape as text, then the tensor's bytes. engine and dtype are
    those of load_policy.

    Raises:
        PolicyError: it is not ACT, or cannot be copied, or the engine cannot be used.
    """
    check_engine(engine, dtype)
    config = getattr(act_policy, "config", None)
    kind = getattr(config, "type", type(act_policy).__name__)
    if kind != "act" or not hasattr(act_policy, "model"):
        message = f"wrap takes lerobot's ACTPolicy, not a policy of type {kind!r}"
        raise PolicyError(message)
    try:
        model = copy.deepcopy(act_policy.model)
        processors = copy.deepcopy((preprocessor, postprocessor))
    except Exception as error:
        message = f"the policy in memory cannot be copied: {error}"
        raise PolicyError(message) from error
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):  # noqa: SLF001
            hooks.clear()
    model = model.requires_grad_(requires_grad=False).float().eval()
    name = str(getattr(config, "pretrained_path", None) or "ACT policy in memory")
    sha256 = _state_dict_sha256(act_policy)
    return _assemble(name, sha256, model, processors, engine=engine, dtype=dtype)


def _assemble(
    name: str,
    sha256: str,
    model: nn.Module,
    processors: tuple[Preprocessor, Postprocessor],
    files: tuple[Sequence[str], Sequence[str]] = ((), ()),
    *,
    engine: str,
    dtype: str,
) -> ActPolicy:
    spec = _spec(name, sha256, model)
    renames = take_renames(name, processors[0], spec.features)
    check_normalisation(name, model.config, processors, files, renames)
    statistics = feature_statistics(model.config, processors)
    spec = replace(spec, statistics=statistics, renames=renames)
    refuse_cropped(spec, processors[0])
    passes = make_passes(model, spec, engine, dtype)
    preparation = Preparation(spec, *processors)
    coefficient: float | None = model.config.temporal_ensemble_coeff  # type: ignore[union-attr, assignment]
    _try_a_step(spec, passes.engine, preparation)
    return ActPolicy(
        spec, model, passes.forward, passes.engine, passes.report, preparation, coefficient
    )


def _try_a_step(spec: ActSpec, engine: Engine, preparation: Preparation) -> None:
    """Once, so that what can never step is told at load and not on every tick.

    A result that is not finite is left to the tick: another observation may have a finite one.
    """
    try:
        prepared = preparation.one(empty_observation(spec))
        refuse_resized(spec, prepared)
        result = engine(prepared, ())
        preparation.unnormalised(result.chunk[0])
    except PolicyError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{spec.name} cannot make a step: {reason}"
        raise PolicyError(message) from error


def _spec(name: str, sha256: str, model: Any) -> ActSpec:
    config = model.config
    cameras = []
    for feature, description in config.image_features.items():
        if len(description.shape) != 3 or description.shape[0] != 3:
            message = f"{name}: {feature} has shape {description.shape}: it must be (3, H, W)"
            raise PolicyError(message)
        cameras.append(CameraSpec(feature, *description.shape[1:]))
    for setting in ("chunk_size", "n_action_steps", "n_decoder_layers"):
        if getattr(config, setting) < 1:
            message = f"{name}: {setting} {getattr(config, setting)} must be at least 1"
            raise PolicyError(message)
    state, environment = config.robot_state_feature, config.env_state_feature
    attention = model.decoder.layers[0].multihead_attn
    layout = lay_out(
        [_camera_tokens(model, camera) for camera in cameras],
        joint_state=state is not None,
        environment=environment is not None,
    )
    return ActSpec(
        name=name,
        sha256=sha256,
        cameras=tuple(cameras),
        state_feature=STATE if state else None,
        state_dim=state.shape[0] if state else 0,
        environment_feature=ENVIRONMENT if environment else None,
        environment_dim=environment.shape[0] if environment else 0,
        action_dim=config.action_feature.shape[0],
        chunk_size=config.chunk_size,
        n_action_steps=config.n_action_steps,
        chunk_mode="queue" if config.temporal_ensemble_coeff is None else "temporal_ensemble",
        device=str(next(model.parameters()).device),
        groups=layout.groups,
        stacks=stacks(
            layout.size,
            config.chunk_size,
            attention.num_heads,
            decoder=len(model.decoder.layers),
            encoder=len(model.encoder.layers),
        ),
    )


def _camera_tokens(model: Any, camera: CameraSpec) -> CameraTokens:
    rows, cols = feature_map_size(model, camera.height, camera.width)
    # Every strided layer of ResNet maps output i to input 2 i, so cell i looks at stride * i.
    x0, y0 = 0.0, 0.0
    dx = dy = 16.0 if model.config.replace_final_stride_with_dilation else 32.0
    if (rows, cols) != (math.ceil(camera.height / dy), math.ceil(camera.width / dx)):
        dx, dy = camera.width / cols, camera.height / rows
        x0, y0 = dx / 2 - 0.5, dy / 2 - 0.5
        logger.warning(
            "%s: the backbone is not a ResNet as lerobot builds it; its cells are drawn in the "
            "middle of their tiles",
            camera.feature,
        )
    return CameraTokens(camera.feature, 0, rows, cols, camera.height, camera.width, x0, y0, dx, dy)


def _execution(
    fields: dict[str, Any], n_action_steps: int | None, coefficient: float | None
) -> dict[str, Any]:
    """The fields of config.json that the caller's choice replaces."""
    chunk_size = fields.get("chunk_size")
    if n_action_steps is not None and (
        isinstance(n_action_steps, bool)
        or not isinstance(n_action_steps, int)
        or (isinstance(chunk_size, int) and not 1 <= n_action_steps <= chunk_size)
    ):
        message = f"n_action_steps {n_action_steps!r} must be from 1 to the chunk's {chunk_size}"
        raise PolicyError(message)
    if coefficient is None:
        if n_action_steps is None:
            return {}
        return {"n_action_steps": n_action_steps, "temporal_ensemble_coeff": None}
    if n_action_steps not in {None, 1}:
        message = f"n_action_steps {n_action_steps} must be 1 with a temporal_ensemble_coeff"
        raise PolicyError(message)
    # exp(-coefficient * chunk_size) must stay a number.
    if not math.isfinite(coefficient) or abs(coefficient) * (chunk_size or 1) > 700:
        message = f"temporal_ensemble_coeff {coefficient} must be a small number, such as 0.01"
        raise PolicyError(message)
    return {"n_action_steps": 1, "temporal_ensemble_coeff": float(coefficient)}


def _state_dict_sha256(policy: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(policy.state_dict().items()):
        data = tensor.detach().cpu().contiguous()
        digest.update(f"{key} {data.dtype} {tuple(data.shape)}\n".encode())
        digest.update(data.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
