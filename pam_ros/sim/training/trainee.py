# SPDX-License-Identifier: Apache-2.0
"""An ACT policy in training, and the finished LeRobot checkpoint that comes out of it.

lerobot builds the ResNet with FrozenBatchNorm2d, whose statistics never move: good for ImageNet
weights, hopeless from scratch. Here the ResNet trains with BatchNorm2d on both cameras as one
batch; `finished` writes the statistics into a stock ACTPolicy, which computes the same function.

An auxiliary head, which the finished policy does not have, says in which cell of the feature map
the red cube lies and where in the cell. It teaches the ResNet to find the cube in a few hundred
steps.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.ops.misc import FrozenBatchNorm2d

from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH, JOINT_NAMES
from pam_ros.sim.training.lerobot_api import ACTConfig, ACTPolicy, FeatureType, PolicyFeature

if TYPE_CHECKING:
    from pam_ros.sim.training.stats import Stats

STRIDE = 32
"""Pixels between the cells of ResNet's last feature map; cell i is centred on pixel 32 i."""

CHUNK = 20
ENSEMBLE_COEFF = 0.01


def demo_config(width: int = IMAGE_WIDTH) -> ACTConfig:
    """The configuration of the shipped policy; `width`: columns of the pictures that it reads."""
    height = IMAGE_HEIGHT * width // IMAGE_WIDTH
    inputs = {"observation.state": PolicyFeature(FeatureType.STATE, (len(JOINT_NAMES),))}
    for camera in CAMERA_NAMES:
        inputs[f"observation.images.{camera}"] = PolicyFeature(
            FeatureType.VISUAL, (3, height, width)
        )
    return ACTConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (len(JOINT_NAMES),))},
        chunk_size=CHUNK,
        n_action_steps=1,
        temporal_ensemble_coeff=ENSEMBLE_COEFF,
        vision_backbone="resnet18",
        pretrained_backbone_weights=None,
        dim_model=128,
        n_heads=8,
        dim_feedforward=512,
        n_encoder_layers=4,
        n_decoder_layers=1,
        use_vae=False,
        dropout=0.0,
        device="cpu",
        push_to_hub=False,
    )


class Trainee(nn.Module):
    """The policy's parts, arranged for training.

    width: columns of the pictures that the finished policy reads.
    """

    state_mean: Tensor
    state_std: Tensor
    action_mean: Tensor
    action_std: Tensor
    image_mean: Tensor
    image_std: Tensor

    def __init__(self, stats: Stats, width: int = IMAGE_WIDTH) -> None:
        super().__init__()
        self._width = width
        self.policy: Any = ACTPolicy(demo_config(width))
        self.backbone: Any = self.policy.model.backbone
        # The policy is handed feature maps instead of pictures and passes them through.
        self.policy.model.backbone = _Passthrough()
        _thaw(self.backbone)
        self.locate = nn.Conv2d(512, 3, kernel_size=1)
        self._stats = stats
        for name, value in stats.tensors().items():
            self.register_buffer(name, value, persistent=False)

    def forward(
        self, images: Tensor, state: Tensor, actions: Tensor, cube: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Losses of a batch: the actions' L1 in normalised units, and the auxiliary loss.

        Tensors as in `samples.Batch`.
        """
        count, cameras = images.shape[:2]
        pixels = images.flatten(0, 1).permute(0, 3, 1, 2).to(torch.float32) / 255.0
        pixels = pixels.to(memory_format=torch.channels_last)
        mean = self.image_mean.repeat(count, 1)[..., None, None]
        std = self.image_std.repeat(count, 1)[..., None, None]
        maps = self.backbone((pixels - mean) / std)["feature_map"]
        by_camera = maps.unflatten(0, (count, cameras))
        batch = {
            f"observation.images.{camera}": by_camera[:, index]
            for index, camera in enumerate(CAMERA_NAMES)
        }
        batch["observation.images"] = [by_camera[:, index] for index in range(cameras)]
        batch["observation.state"] = (state - self.state_mean) / self.state_std
        predicted = self.policy.model(batch)[0].float()
        target = (actions - self.action_mean) / self.action_std
        return (predicted - target).abs().mean(), location_loss(
            self.locate(maps).float(), cube.flatten(0, 1)
        )

    def finished(self) -> ACTPolicy:
        """A stock ACTPolicy on the CPU with these weights, in evaluation mode."""
        policy = ACTPolicy(demo_config(self._width))
        state = copy.deepcopy(self.policy).cpu().state_dict()
        for name, value in self.backbone.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                state[f"model.backbone.{name}"] = value.detach().cpu().clone()
        policy.load_state_dict(state, strict=True)
        return policy.eval()


class _Passthrough(nn.Module):
    def forward(self, feature_map: Tensor) -> dict[str, Tensor]:
        return {"feature_map": feature_map}


def _thaw(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, FrozenBatchNorm2d):
            thawed = nn.BatchNorm2d(child.weight.numel(), eps=child.eps, momentum=0.03)
            setattr(module, name, thawed)
        else:
            _thaw(child)


def location_loss(output: Tensor, cube: Tensor) -> Tensor:
    """Cross entropy of the cell that holds the cube, plus L1 of the place in the cell.

    output: (N, 3, rows, cols): logit, column and row offset in cells.
    cube: (N, 3): column, row, depth.
    A picture without the cube has no cell to find and asks for low logits everywhere.
    """
    rows, cols = output.shape[-2:]
    cells = cube[:, :2] / STRIDE
    limit = torch.tensor([cols, rows], dtype=cells.dtype, device=cells.device)
    seen = ((cells > -0.5) & (cells < limit)).all(1) & (cube[:, 2] > 0)
    nearest = torch.minimum(cells.round().clamp(min=0), limit - 1)
    column, row = nearest.long().unbind(1)
    each = torch.arange(len(cube), device=cube.device)
    wanted = torch.zeros_like(output[:, 0])
    wanted[each, row, column] = seen.to(wanted.dtype)
    found = F.binary_cross_entropy_with_logits(output[:, 0], wanted, reduction="none")
    offset = (output[each, 1:, row, column] - (cells - nearest)).abs().sum(1)
    place = (offset * seen).sum() / seen.sum().clamp(min=1)
    return found.sum((1, 2)).mean() + place
