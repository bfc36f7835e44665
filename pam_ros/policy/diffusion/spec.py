# SPDX-License-Identifier: Apache-2.0
"""The tokens and the stack of Diffusion Policy, and where its cells look.

It has no attention on pixels. Its ResNet makes a feature map of each picture, a convolution makes
one score a cell and keypoint of it, and a softmax over the cells makes each keypoint's map. Of that
the rest of the policy sees the mean place alone: two numbers a keypoint. The `spatial` stack has
those maps: heads are keypoints, and the one row is of the newest observation.

A picture goes through at most two steps before the ResNet, each of which moves its pixels:

    resize   from W to W' pixels: x' = (x + 0.5) W' / W - 0.5
    crop     the middle, from W' to C pixels: x'' = x' - round((W' - C) / 2)

Cell c of a ResNet of stride 32 looks at pixel 32 c of what it reads: each of its strided layers
maps output i to input 2 i.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from pam_ros.attention.layout import CameraTokens, TokenGroup
from pam_ros.attention.look import Stack
from pam_ros.policy.interface import CameraSpec, PolicyError, PolicySpec

if TYPE_CHECKING:
    from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig

STATE, ENVIRONMENT, IMAGES = (
    "observation.state",
    "observation.environment_state",
    "observation.images",
)
STACK = "spatial_softmax"
_STRIDE = 32.0


class Axis(NamedTuple):
    """Where the cells look along one axis of a picture [pixels]: start + index * step."""

    start: float
    step: float


def axis(size: int, resized: int | None, cropped: int | None) -> Axis:
    """See the module.

    Args:
        size: of the picture that the policy reads [pixels].
        resized: what it is resized to; None: it is not.
        cropped: how much of the middle is kept; None: all.
    """
    inner = size if resized is None else resized
    # As torchvision's CenterCrop rounds.
    offset = 0 if cropped is None else round((inner - cropped) / 2.0)
    scale = size / inner
    return Axis((offset + 0.5) * scale - 0.5, _STRIDE * scale)


def camera_tokens(
    config: DiffusionConfig, camera: CameraSpec, rows: int, cols: int
) -> CameraTokens:
    """The grid of a camera whose feature map has so many rows and columns; `start` is 0."""
    resized, cropped = config.resize_shape or (None, None), config.crop_shape or (None, None)
    y = axis(camera.height, resized[0], cropped[0])
    x = axis(camera.width, resized[1], cropped[1])
    size = camera.height, camera.width
    return CameraTokens(camera.feature, 0, rows, cols, *size, x.start, y.start, x.step, y.step)


def encoders_of(model: Any) -> tuple[Any, ...]:
    """The encoders of a DiffusionModel: one for all cameras, or one each; none without cameras."""
    encoder = getattr(model, "rgb_encoder", None)
    if encoder is None:
        return ()
    return tuple(encoder) if isinstance(encoder, nn.ModuleList) else (encoder,)


def make_spec(
    name: str, sha256: str, config: DiffusionConfig, model: Any, device: str
) -> PolicySpec:
    """What a Diffusion Policy reads, writes and is.

    The chunk begins with the action of the newest observation: the horizon's rows before it are of
    ticks that are over.

    Raises:
        PolicyError: pictures that are no colour pictures.
    """
    cameras = []
    for feature, description in config.image_features.items():
        if len(description.shape) != 3 or description.shape[0] != 3:
            message = f"{name}: {feature} has shape {description.shape}: it must be (3, H, W)"
            raise PolicyError(message)
        cameras.append(CameraSpec(feature, *description.shape[1:]))
    state, environment = config.robot_state_feature, config.env_state_feature
    groups = [TokenGroup("joint_state", 0, 1)]
    if environment is not None:
        groups.append(TokenGroup("environment", 1, 2))
    first = size = len(groups)
    for camera in cameras:
        encoder = encoders_of(model)[0]  # all cameras have pictures of one size
        rows, cols = encoder.pool._in_h, encoder.pool._in_w  # noqa: SLF001  (it has no other name)
        grid = replace(camera_tokens(config, camera, rows, cols), start=size)
        groups.append(TokenGroup("image", size, grid.stop, grid))
        size = grid.stop
    keypoints = config.spatial_softmax_num_keypoints
    path = (
        "rgb_encoder.*.pool" if config.use_separate_rgb_encoder_per_camera else "rgb_encoder.pool"
    )
    stack = Stack(STACK, path, "spatial", 1, keypoints, 1, (first, size))
    return PolicySpec(
        name=name,
        sha256=sha256,
        cameras=tuple(cameras),
        state_feature=STATE,
        state_dim=state.shape[0],
        environment_feature=ENVIRONMENT if environment is not None else None,
        environment_dim=0 if environment is None else environment.shape[0],
        action_dim=config.action_feature.shape[0],
        chunk_size=config.horizon - config.n_obs_steps + 1,
        n_action_steps=config.n_action_steps,
        chunk_mode="queue",
        device=device,
        groups=tuple(groups),
        stacks=(stack,) if cameras else (),
        history=config.n_obs_steps,
        stochastic=True,
        denoising_steps=model.num_inference_steps,
    )
