# SPDX-License-Identifier: Apache-2.0
"""A small random Diffusion Policy as lerobot makes it, made without the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

if TYPE_CHECKING:
    from pathlib import Path

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE, ENVIRONMENT = "observation.state", "observation.environment_state"
TWO = {TOP: (64, 96), WRIST: (64, 96)}


@dataclass
class Reference:
    """lerobot's own policy with its processors, and its own way to run it."""

    policy: Any
    preprocessor: Any
    postprocessor: Any

    def observation(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Random pictures and vectors."""
        observation: dict[str, np.ndarray] = {}
        for name, feature in self.policy.config.input_features.items():
            if feature.type is FeatureType.VISUAL:
                _, height, width = feature.shape
                observation[name] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            else:
                observation[name] = rng.uniform(-1, 1, feature.shape).astype(np.float32)
        return observation

    def batch(self, observation: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        """As lerobot's prepare_observation_for_inference and preprocessor do."""
        tensors = {}
        for name, array in observation.items():
            tensor = torch.from_numpy(array.copy())
            if "image" in name:
                tensor = (tensor.type(torch.float32) / 255).permute(2, 0, 1).contiguous()
            tensors[name] = tensor.unsqueeze(0)
        return self.preprocessor(tensors)

    def select_action(
        self, observation: dict[str, np.ndarray], noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(action_dim,), un-normalised."""
        with torch.inference_mode():
            return self.postprocessor(
                self.policy.select_action(self.batch(observation), noise=noise)
            )[0]

    def save(self, folder: Path) -> Path:
        """A checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in (self.policy, self.preprocessor, self.postprocessor):
            part.save_pretrained(folder)
        return folder


def make_diffusion(
    cameras: dict[str, tuple[int, int]] | None = None,
    *,
    seed: int = 0,
    joints: int = 4,
    actions: int = 4,
    environment: int = 0,
    **options: Any,
) -> Reference:
    """A random one, whose actions depend on its pictures as much as on its noise.

    Its network predicts actions and not noise: of random weights that would be nothing but noise.
    """
    torch.manual_seed(seed)
    cameras = TWO if cameras is None else cameras
    inputs = {name: PolicyFeature(FeatureType.VISUAL, (3, *hw)) for name, hw in cameras.items()}
    inputs[STATE] = PolicyFeature(FeatureType.STATE, (joints,))
    if environment:
        inputs[ENVIRONMENT] = PolicyFeature(FeatureType.ENV, (environment,))
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (actions,))}
    config = DiffusionConfig(
        **{
            "input_features": inputs,
            "output_features": outputs,
            "device": "cpu",
            "horizon": 8,
            "n_obs_steps": 2,
            "n_action_steps": 5,
            "down_dims": (16, 32),
            "diffusion_step_embed_dim": 16,
            "spatial_softmax_num_keypoints": 6,
            "noise_scheduler_type": "DDIM",
            "num_inference_steps": 3,
            "prediction_type": "sample",
            **options,
        }
    )
    policy = DiffusionPolicy(config).eval()
    with torch.no_grad():
        for name, module in policy.named_modules():
            if name.endswith("pool.nets"):
                module.weight.mul_(8)  # keypoints that prefer some cells
            if name.endswith("cond_encoder.1"):
                module.weight.mul_(3)
    stats = {}
    for name, feature in {**inputs, **outputs}.items():
        shape = (feature.shape[0], *[1] * (len(feature.shape) - 1))
        if feature.type is FeatureType.VISUAL:
            stats[name] = {"mean": torch.full(shape, 0.5), "std": torch.full(shape, 0.25)}
        else:
            stats[name] = {
                "min": torch.full(shape, -1.5), "max": torch.full(shape, 2.0),
                "mean": torch.full(shape, 0.2), "std": torch.full(shape, 0.6),
            }  # fmt: skip
    return Reference(policy, *make_pre_post_processors(config, dataset_stats=stats))


def write_diffusion(
    folder: Path, cameras: dict[str, tuple[int, int]] | None = None, **options: Any
) -> Path:
    """A checkpoint of a random one."""
    return make_diffusion(cameras, **options).save(folder)


def write_frames(
    root: Path,
    cameras: dict[str, tuple[int, int]],
    *,
    joints: int = 2,
    actions: int = 0,
    seed: int = 0,
) -> Path:
    """A LeRobot dataset of two short episodes, for a policy of these inputs.

    actions: of a command; 0: as many as joints.
    """
    from pam_ros.sim.training.lerobot_api import LeRobotDataset, disable_progress_bars

    disable_progress_bars()
    features: dict[str, Any] = {
        name: {"dtype": "image", "shape": (*size, 3), "names": ["height", "width", "channels"]}
        for name, size in cameras.items()
    }
    sizes = {STATE: joints, "action": actions or joints}
    for name, size in sizes.items():
        features[name] = {"dtype": "float32", "shape": (size,), "names": None}
    made = LeRobotDataset.create(
        repo_id="test/reaches", fps=10, root=root, use_videos=False, features=features
    )
    rng = np.random.default_rng(seed)
    for episode in range(2):
        for _ in range(6):
            frame: dict[str, Any] = {
                name: rng.integers(0, 256, (*size, 3), np.uint8) for name, size in cameras.items()
            }
            for name, size in sizes.items():
                frame[name] = rng.uniform(-1, 1, size).astype(np.float32)
            made.add_frame({**frame, "task": f"reach {episode}"})
        made.save_episode()
    made.finalize()
    return root
