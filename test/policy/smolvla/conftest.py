# SPDX-License-Identifier: Apache-2.0
"""A small random SmolVLA as lerobot makes it, with its own vision-language model's small files."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRONT, WRIST, STATE = "observation.images.front", "observation.images.wrist", "observation.state"
SENTENCES = (
    "reach the red cube",
    "reach the blue cube",
    "reach the green cylinder",
    "put the block in the bowl",
)
SIDE, PATCH, SHUFFLE = 128, 16, 2
"""Of the padded picture, of a patch [px], and patches beside each other in a token: 4 x 4 cells."""


def write_vlm(folder: Path) -> Path:
    """A SmolVLM's configuration, tokenizer and processor, without weights."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
    )
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    special = {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }
    alone = Tokenizer(models.BPE())
    alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alone.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_end|>", *special.values()],
        show_progress=False,
    )
    alone.train_from_iterator(SENTENCES, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=alone,
        bos_token="<|endoftext|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        extra_special_tokens=special,
    )
    folder.mkdir(parents=True, exist_ok=True)
    SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(),
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 2048,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": PATCH,
        },
        scale_factor=SHUFFLE,
        pad_token_id=tokenizer.pad_token_id,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    ).save_pretrained(folder)
    return folder


@dataclass
class SmolVla:
    """lerobot's own policy with its processors, and one way to run it."""

    policy: Any
    preprocessor: Any
    postprocessor: Any
    vlm: Path

    def batch(self, observation: dict[str, np.ndarray], task: str) -> dict[str, Any]:
        """As lerobot's prepare_observation_for_inference and preprocessor do."""
        tensors: dict[str, Any] = {"task": task, "robot_type": ""}
        for name, array in observation.items():
            tensor = torch.from_numpy(array.copy())
            if "image" in name:
                tensor = (tensor.type(torch.float32) / 255).permute(2, 0, 1).contiguous()
            tensors[name] = tensor.unsqueeze(0)
        return self.preprocessor(tensors)

    def select_action(
        self, observation: dict[str, np.ndarray], task: str, noise: torch.Tensor | None
    ) -> np.ndarray:
        with torch.inference_mode():
            action = self.policy.select_action(self.batch(observation, task), noise=noise)
            return self.postprocessor(action)[0].numpy()

    def observation(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        observation = {}
        for name, feature in self.policy.config.input_features.items():
            if "empty_camera" in name:
                continue
            if "image" in name:
                observation[name] = rng.integers(0, 256, (*feature.shape[1:], 3), dtype=np.uint8)
            else:
                observation[name] = rng.normal(size=feature.shape).astype(np.float32)
        return observation

    def save(self, folder: Path) -> Path:
        """With its vlm folder inside, and a name for it that means nothing elsewhere."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in (self.policy, self.preprocessor, self.postprocessor):
            part.save_pretrained(folder)
        shutil.copytree(self.vlm, folder / "vlm")
        change(folder / "config.json", vlm_model_name="nobody/smolvlm")
        return folder


def change(file: Path, **fields: Any) -> None:
    """Other values of a JSON file's fields."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def make_smolvla(
    vlm: Path, *, seed: int = 0, cameras: dict[str, tuple[int, int]] | None = None, **options: Any
) -> SmolVla:
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.factory import make_pre_post_processors
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy

    cameras = {FRONT: (96, 128), WRIST: (96, 128)} if cameras is None else cameras
    inputs = {STATE: PolicyFeature(FeatureType.STATE, (4,))}
    for name, size in cameras.items():
        inputs[name] = PolicyFeature(FeatureType.VISUAL, (3, *size))
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (3,))}
    config = SmolVLAConfig(
        **{
            "input_features": inputs,
            "output_features": outputs,
            "vlm_model_name": str(vlm),
            "load_vlm_weights": False,
            "num_vlm_layers": 4,
            "chunk_size": 12,
            "n_action_steps": 7,
            "num_steps": 3,
            "resize_imgs_with_padding": (SIDE, SIDE),
            "device": "cpu",
            "max_state_dim": 8,
            "max_action_dim": 6,
            "tokenizer_max_length": 12,
            **options,
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = SmolVLAPolicy(config).eval()
        with torch.no_grad():
            # As initialised, all weights are small: every attention would be almost even.
            for name, parameter in policy.named_parameters():
                if name.endswith(("q_proj.weight", "k_proj.weight")):
                    parameter.mul_(6)
        stats = {
            name: {"mean": torch.randn(*feature.shape), "std": torch.rand(*feature.shape) + 0.5}
            for name, feature in {STATE: inputs[STATE], **outputs}.items()
        }
    preprocessor, postprocessor = make_pre_post_processors(config, dataset_stats=stats)
    return SmolVla(policy, preprocessor, postprocessor, vlm)


@pytest.fixture(scope="session")
def vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small files of a vision-language model; tests that spoil them copy them first."""
    return write_vlm(tmp_path_factory.mktemp("smolvlm") / "vlm")


@pytest.fixture(scope="session")
def reference(vlm: Path) -> Callable[..., SmolVla]:
    """Makes lerobot's policies."""
    return lambda **options: make_smolvla(vlm, **options)


@pytest.fixture(scope="session")
def saved_smolvla(vlm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good checkpoint folder; tests that spoil it copy it first."""
    return make_smolvla(vlm).save(tmp_path_factory.mktemp("checkpoint") / "smolvla")
