# SPDX-License-Identifier: Apache-2.0
"""Passes of lerobot's own DiffusionModel, with hooks that read, and replace if tokens are edited.

The tokens are what the action part reads the pictures from: one for each cell of the feature map
that the SpatialSoftmax reads, of all its channels. Beside them the joint state and the environment
state, which enter as they are, have one token each: the normalised values, and zeros up to the
channels' number. They are the newest observation's. An edit changes those of each observation of
the history.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn import functional

from pam_ros.policy.diffusion.spec import ENVIRONMENT, IMAGES, STATE, encoders_of
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.diffusion.prepare import Prepared
    from pam_ros.policy.interface import PolicySpec

    Hook = Callable[[nn.Module, Any, Tensor], Tensor | None]


class Pass(NamedTuple):
    """What B passes computed.

    chunk: (B, C, A) normalised. tokens: (B, T, D) of the newest observations. maps: (B, K, 1,
    cells), each keypoint's softmax over all cameras' cells, that sums to 1; None: not kept.
    """

    chunk: Tensor
    tokens: Tensor
    maps: Tensor | None


def run(
    model: Any, spec: PolicySpec, inputs: Prepared, *, maps: bool, edit: EditTokens | None = None
) -> Pass:
    """Passes of these inputs, each with the noise of its seed. For one thread at a time.

    Args:
        model: lerobot's.
        spec: the policy's.
        inputs: of B histories.
        maps: whether to keep the softmax maps.
        edit: from tokens (B * S, T, D) to those that the rest of the pass reads.

    Raises:
        PolicyError: an edit that changes the tokens' shape.
    """
    cond, features, scores = _conditioning(model, inputs, scores=maps)
    tokens = _tokens(inputs, features)
    if edit is not None:
        whole = tokens.flatten(0, 1)
        changed = edit(whole)
        if changed.shape != whole.shape:
            message = (
                f"the edit of the tokens returned shape {tuple(changed.shape)}: it must keep "
                f"{tuple(whole.shape)}"
            )
            raise PolicyError(message)
        tokens = changed.to(whole).view_as(tokens)
        inputs, features = _split(tokens, inputs, features)
        cond, _, scores = _conditioning(model, inputs, scores=maps, features=features)
    chunk = denoised(model, cond, inputs.seeds)[:, spec.history - 1 :]
    return Pass(chunk, tokens[:, -1], None if scores is None else softmax_maps(scores[:, -1]))


def conditioning(model: Any, inputs: Prepared) -> Tensor:
    """(B, D) of lerobot's own, all that the U-Net sees of these inputs."""
    batch = {STATE: inputs.state}
    if inputs.images is not None:
        batch[IMAGES] = inputs.images
    if inputs.environment is not None:
        batch[ENVIRONMENT] = inputs.environment
    cond: Tensor = model._prepare_global_conditioning(batch)  # noqa: SLF001
    return cond


def feature_maps(model: Any, inputs: Prepared) -> Tensor:
    """(B, S, cameras, C, rows, cols), of inputs with pictures. For one thread at a time."""
    features = _conditioning(model, inputs, scores=False)[1]
    assert features is not None
    return features


def denoised(model: Any, cond: Tensor, seeds: Sequence[int]) -> Tensor:
    """(B, horizon, A): lerobot's own sampling, whose noise is drawn of generators with these seeds.

    The first numbers of a generator are where the sampling begins, the following those that DDPM
    adds at each step.
    """
    config = model.config
    size = (1, config.horizon, config.action_feature.shape[0])
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.cat([torch.randn(size, generator=one) for one in generators])
    actions: Tensor = model.conditional_sample(
        len(cond),
        global_cond=cond,
        generator=generators if len(generators) > 1 else generators[0],
        noise=noise.to(cond.device),
    )
    return actions


def softmax_maps(scores: Tensor) -> Tensor:
    """(B, cameras, K, rows, cols) scores to (B, K, 1, cells): each keypoint's softmax.

    It is one softmax for each camera. Each camera has the same part of the whole, so that a
    keypoint's map sums to 1 over the cells of all.
    """
    cells = functional.softmax(scores.flatten(3), dim=-1) / scores.shape[1]
    return cells.permute(0, 2, 1, 3).flatten(2)[:, :, None]


def _conditioning(
    model: Any, inputs: Prepared, *, scores: bool, features: Tensor | None = None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The conditioning; the feature maps (B, S, N, C, rows, cols); the scores (B, S, N, K, ...).

    features: takes their place.
    """
    if inputs.images is None:
        return conditioning(model, inputs), None, None
    batch, steps, cameras = inputs.images.shape[:3]
    encoders = encoders_of(model)
    shared = len(encoders) == 1 and not isinstance(model.rgb_encoder, torch.nn.ModuleList)
    seen: list[Tensor] = []
    scored: list[Tensor] = []

    def read(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        if features is not None:
            output = features.flatten(0, 2) if shared else features[:, :, len(seen)].flatten(0, 1)
        seen.append(output)
        return output if features is not None else None

    def score(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        scored.append(output)

    with ExitStack() as hooks:
        for encoder in encoders:
            hooks.callback(encoder.backbone.register_forward_hook(read).remove)
            if scores:
                hooks.callback(encoder.pool.nets.register_forward_hook(score).remove)
        cond = conditioning(model, inputs)

    def joined(parts: Sequence[Tensor]) -> Tensor:
        if shared:
            return parts[0].reshape(batch, steps, cameras, *parts[0].shape[1:])
        return torch.stack([one.reshape(batch, steps, *one.shape[1:]) for one in parts], dim=2)

    return cond, joined(seen), joined(scored) if scores else None


def _tokens(inputs: Prepared, features: Tensor | None) -> Tensor:
    """(B, S, T, D)."""
    vectors = [part for part in (inputs.state, inputs.environment) if part is not None]
    width = max(
        [part.shape[-1] for part in vectors] + ([] if features is None else [features.shape[3]])
    )
    tokens = [functional.pad(part, (0, width - part.shape[-1]))[:, :, None] for part in vectors]
    if features is not None:
        cells = features.flatten(4).transpose(3, 4).flatten(2, 3)  # camera by camera, row by row
        tokens.append(functional.pad(cells, (0, width - cells.shape[-1])))
    return torch.cat(tokens, dim=2)


def _split(
    tokens: Tensor, inputs: Prepared, features: Tensor | None
) -> tuple[Prepared, Tensor | None]:
    """_tokens, backwards."""
    state = tokens[:, :, 0, : inputs.state.shape[-1]]
    environment = inputs.environment
    if environment is not None:
        environment = tokens[:, :, 1, : environment.shape[-1]]
    if features is not None:
        batch, steps, cameras, channels, rows, cols = features.shape
        first = tokens.shape[2] - cameras * rows * cols
        cells = tokens[:, :, first:, :channels]
        cells = cells.reshape(batch, steps, cameras, rows * cols, channels).transpose(3, 4)
        features = cells.reshape(features.shape)
    return inputs._replace(state=state, environment=environment), features
