# SPDX-License-Identifier: Apache-2.0
"""The policies that are timed: lerobot's ACT of several sizes, and an observation for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

STATE = "observation.state"
JOINTS = 6


@dataclass(frozen=True)
class Size:
    """One policy. `title` says what it is; the demo policy's other fields are as in its file."""

    name: str
    title: str
    dim: int
    feedforward: int
    chunk: int
    height: int
    width: int
    cameras: int


def _default(name: str, cameras: int) -> Size:
    plural = "s" if cameras > 1 else ""
    title = f"default ACT (dim 512, chunk 100), {cameras} camera{plural} of 480x640"
    return Size(name, title, 512, 3200, 100, 480, 640, cameras)


_SMALL = "ACT with dim 128, chunk 100, 2 cameras of 240x320"
_DEMO = "the demo policy (dim 128, chunk 20), 2 cameras of 240x320"
SIZES = {
    size.name: size
    for size in (
        _default("default", 2),
        Size("small", _SMALL, 128, 512, 100, 240, 320, 2),
        Size("demo", _DEMO, 128, 512, 20, 240, 320, 2),
        *(_default(f"{cameras}cam", cameras) for cameras in (1, 2, 3, 4)),
        Size("tiny", "a tiny ACT, 2 cameras of 64x96", 32, 48, 8, 64, 96, 2),
    )
}


@dataclass(frozen=True, eq=False)
class Subject:
    """A policy in memory: lerobot's policy and processors, and one observation.

    observation: images (H, W, 3) uint8 RGB, joint state (6,) float32, by feature. batch: the same
    as lerobot's pre-processing leaves it, normalised tensors on the policy's device.
    """

    policy: ACTPolicy
    preprocessor: Any
    postprocessor: Any
    observation: dict[str, NDArray[Any]]
    batch: dict[str, Any]

    @property
    def device(self) -> str:
        """Where the policy is."""
        return str(next(self.policy.parameters()).device)

    def save(self, folder: Path) -> Path:
        """Write the checkpoint as lerobot does."""
        for part in (self.policy, self.preprocessor, self.postprocessor):
            part.save_pretrained(folder)
        return folder


def make_subject(name: str, device: str = "cpu") -> Subject:
    """The demo policy from its folder, any other with random weights; both plan at every tick."""
    size = SIZES[name]
    if name == "demo":
        return load_subject(share_directory() / "models" / "demo_act", device)
    return _subject(*_random(size, device))


def load_subject(folder: Path, device: str = "cpu") -> Subject:
    """A checkpoint in a folder."""
    policy = ACTPolicy.from_pretrained(str(folder)).to(device).eval()
    policy.config.device = device
    processors = make_pre_post_processors(
        policy.config,
        pretrained_path=str(folder),
        preprocessor_overrides={"device_processor": {"device": device}},
    )
    return _subject(policy, *processors)


def make_observation(
    cameras: Mapping[str, tuple[int, int]], seed: int = 0
) -> dict[str, NDArray[Any]]:
    """Noise: images by their (height, width), and a joint state."""
    rng = np.random.default_rng(seed)
    observation: dict[str, NDArray[Any]] = {
        feature: rng.integers(0, 256, (*size, 3), np.uint8) for feature, size in cameras.items()
    }
    observation[STATE] = rng.normal(size=JOINTS).astype(np.float32)
    return observation


def _subject(policy: ACTPolicy, preprocessor: Any, postprocessor: Any) -> Subject:
    images = policy.config.image_features
    observation = make_observation({name: images[name].shape[1:] for name in images})
    batch = preprocessor(to_tensors(observation))
    return Subject(policy, preprocessor, postprocessor, observation, batch)


def to_tensors(observation: dict[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """As lerobot's prepare_observation_for_inference: (1, 3, H, W) float32 in [0, 1], (1, dim)."""
    tensors = {}
    for name, array in observation.items():
        tensor = torch.from_numpy(array)
        if array.dtype == np.uint8:
            tensor = (tensor.type(torch.float32) / 255).permute(2, 0, 1).contiguous()
        tensors[name] = tensor.unsqueeze(0)
    return tensors


def _random(size: Size, device: str) -> tuple[ACTPolicy, Any, Any]:
    torch.manual_seed(0)
    inputs = {
        f"observation.images.camera{index}": PolicyFeature(
            FeatureType.VISUAL, (3, size.height, size.width)
        )
        for index in range(size.cameras)
    }
    inputs[STATE] = PolicyFeature(FeatureType.STATE, (JOINTS,))
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (JOINTS,))}
    config = ACTConfig(
        input_features=inputs,
        output_features=outputs,
        dim_model=size.dim,
        dim_feedforward=size.feedforward,
        chunk_size=size.chunk,
        n_action_steps=1,
        pretrained_backbone_weights=None,
        device=device,
    )
    policy = ACTPolicy(config).to(device).eval()
    with torch.no_grad():
        for module in policy.modules():
            # As a new network has them, folding them would be no work at all.
            if type(module).__name__ == "FrozenBatchNorm2d":
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
    stats = {
        name: {
            "mean": torch.zeros(feature.shape[0], *[1] * (len(feature.shape) - 1)),
            "std": torch.full((feature.shape[0], *[1] * (len(feature.shape) - 1)), 0.5),
        }
        for name, feature in {**inputs, **outputs}.items()
    }
    return policy, *make_pre_post_processors(config, dataset_stats=stats)
