# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint of type "second" to the policy, and such a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from pam_ros.attention.layout import CameraTokens, TokenGroup
from pam_ros.attention.look import Stack
from pam_ros.policy.checkpoint import check_weights, read_weights
from pam_ros.policy.interface import CameraSpec, PolicyError, PolicySpec
from second_policy.model import EXPERT_LAYERS, HEADS, PATCH, PREFIX_LAYERS, STEPS, Model
from second_policy.policy import SecondPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.policy.checkpoint import Checkpoint
    from pam_ros.policy.options import LoadOptions


def load(checkpoint: Checkpoint, options: LoadOptions) -> SecondPolicy:
    """See registry.Loader."""
    name, config = checkpoint.name, checkpoint.config
    if options.engine not in {"auto", "eager"} or options.dtype != "float32":
        raise PolicyError(f"{name} runs eagerly in float32, not {options.engine}, {options.dtype}")
    if options.temporal_ensemble_coeff is not None:
        raise PolicyError(f"{name} has no temporal ensembling")
    model = Model(config["state"], config["actions"], config["chunk_size"]).eval()
    weights, sha256 = read_weights(checkpoint)
    check_weights(name, weights, model.state_dict())
    model.load_state_dict(weights)
    words = config["instruction"].split()
    groups, stacks = tokens(config, words)
    spec = PolicySpec(
        name=name,
        sha256=sha256,
        cameras=tuple(CameraSpec(*camera) for camera in config["cameras"]),
        state_feature="observation.state",
        state_dim=config["state"],
        environment_feature=None,
        environment_dim=0,
        action_dim=config["actions"],
        chunk_size=config["chunk_size"],
        n_action_steps=options.n_action_steps or config["n_action_steps"],
        chunk_mode="queue",
        device="cpu",
        groups=groups,
        stacks=stacks,
        history=2,
        stochastic=True,
        denoising_steps=STEPS,
        instruction=True,
    )
    model.requires_grad_(False)
    return SecondPolicy(spec, model, config, lambda words: tokens(config, words))


def tokens(config: dict, words: list[str]) -> tuple[tuple[TokenGroup, ...], tuple[Stack, ...]]:
    groups, start, middle = [], 0, PATCH / 2 - 0.5
    for feature, height, width in config["cameras"]:
        rows, cols = height // PATCH, width // PATCH
        grid = CameraTokens(feature, start, rows, cols, height, width, middle, middle, PATCH, PATCH)
        groups.append(TokenGroup("image", start, grid.stop, grid))
        start = grid.stop
    prefix = start + len(words)
    end = prefix + config["chunk_size"]
    if words:
        groups.append(TokenGroup("language", start, prefix, labels=tuple(words)))
    groups.append(TokenGroup("action", prefix, end))
    expert = Stack(
        "expert", "expert.layers.{layer}.attn", "joint", EXPERT_LAYERS, HEADS,
        config["chunk_size"], (0, end),
    )  # fmt: skip
    path = "prefix.layers.{layer}.self_attn"
    own = Stack("prefix", path, "self", PREFIX_LAYERS, HEADS, prefix, (0, prefix))
    return tuple(groups), (expert, own)


def write_checkpoint(
    folder: Path,
    cameras: dict[str, tuple[int, int]],
    *,
    joints: int = 2,
    chunk_size: int = 6,
    scale: float = 0.1,
    seed: int = 0,
    instruction: str = "pick up the red cube",
) -> Path:
    """A random one."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    config = {
        "type": "second",
        "cameras": [[feature, *size] for feature, size in cameras.items()],
        "state": joints,
        "actions": joints,
        "chunk_size": chunk_size,
        "n_action_steps": 3,
        "instruction": instruction,
        "scale": scale,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(Model(joints, joints, chunk_size).state_dict(), folder / "model.safetensors")
    return folder
