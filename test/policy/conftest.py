# SPDX-License-Identifier: Apache-2.0
"""Small random ACT policies as lerobot makes them, and observations for them.

Also lets the tests import engine_checks.py, which lies beside them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
sys.path.insert(0, str(Path(__file__).parent))

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE, ENVIRONMENT = "observation.state", "observation.environment_state"


@dataclass
class Reference:
    """lerobot's own policy with its processors, and one way to run it."""

    policy: ACTPolicy
    preprocessor: Any
    postprocessor: Any
    action_std: np.ndarray

    def batch(self, observation: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        """As lerobot's prepare_observation_for_inference and preprocessor do."""
        tensors = {}
        for name, array in observation.items():
            tensor = torch.from_numpy(array.copy())
            if "image" in name:
                tensor = (tensor.type(torch.float32) / 255).permute(2, 0, 1).contiguous()
            tensors[name] = tensor.unsqueeze(0)
        return self.preprocessor(tensors)

    def select_action(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            action = self.policy.select_action(self.batch(observation))
            return self.postprocessor(action)[0].numpy()

    def normalised_difference(self, action: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs((action - other) / self.action_std).max())

    def observation(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        observation = {}
        for name, feature in self.policy.config.input_features.items():
            if feature.type is FeatureType.VISUAL:
                _, height, width = feature.shape
                observation[name] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            else:
                observation[name] = rng.normal(size=feature.shape).astype(np.float32)
        return observation

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for part in (self.policy, self.preprocessor, self.postprocessor):
            part.save_pretrained(folder)
        return folder


def make_reference(
    *,
    seed: int = 0,
    cameras: dict[str, tuple[int, int]] | None = None,
    state_dim: int = 6,
    environment_dim: int = 0,
    action_dim: int = 4,
    **options: Any,
) -> Reference:
    torch.manual_seed(seed)
    cameras = {TOP: (64, 96), WRIST: (64, 96)} if cameras is None else cameras
    inputs = {name: PolicyFeature(FeatureType.VISUAL, (3, *hw)) for name, hw in cameras.items()}
    if state_dim:
        inputs[STATE] = PolicyFeature(FeatureType.STATE, (state_dim,))
    if environment_dim:
        inputs[ENVIRONMENT] = PolicyFeature(FeatureType.ENV, (environment_dim,))
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (action_dim,))}
    config = ACTConfig(
        **{
            "input_features": inputs,
            "output_features": outputs,
            "pretrained_backbone_weights": None,
            "device": "cpu",
            "dim_model": 32,
            "n_heads": 4,
            "dim_feedforward": 48,
            "n_encoder_layers": 2,
            "n_vae_encoder_layers": 1,
            "chunk_size": 10,
            "n_action_steps": 7,
            **options,
        }
    )
    policy = ACTPolicy(config).eval()
    with torch.no_grad():
        for module in policy.modules():
            if type(module).__name__ == "FrozenBatchNorm2d":
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
            if isinstance(module, torch.nn.MultiheadAttention):
                module.in_proj_bias.normal_(0, 0.1)
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.uniform_(0.8, 1.2)
                module.bias.normal_(0, 0.1)
        # What sixteen blocks add up is small in a trained network. Otherwise the features reach the
        # hundreds, and lerobot's own float32 pass is more than 1e-6 from its float64 one.
        for module in policy.modules():
            if type(module).__name__ in {"BasicBlock", "Bottleneck"}:
                getattr(module, "bn3", module.bn2).weight.uniform_(0.2, 0.5)
    stats = {
        name: {
            "mean": torch.randn(feature.shape[0], *[1] * (len(feature.shape) - 1)),
            "std": torch.rand(feature.shape[0], *[1] * (len(feature.shape) - 1)) + 0.5,
        }
        for name, feature in {**inputs, **outputs}.items()
    }
    preprocessor, postprocessor = make_pre_post_processors(config, dataset_stats=stats)
    return Reference(policy, preprocessor, postprocessor, stats["action"]["std"].numpy())


@pytest.fixture
def reference_policy() -> Callable[..., Reference]:
    return make_reference


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good checkpoint folder; tests that spoil it copy it first."""
    return make_reference().save(tmp_path_factory.mktemp("checkpoint") / "act")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled blobs go to the tests' own folder."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small layers lose more than they win with threads, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
