# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of one thread for passes and explanations of a default-size Diffusion Policy.

    python -m bench.diffusion --rounds 3

Its weights are random: they change no time. Passes with and without keypoint maps take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.look import Look
from pam_ros.policy.checkpoint import open_checkpoint
from pam_ros.policy.diffusion.load import load_diffusion
from pam_ros.policy.diffusion.spec import STACK
from pam_ros.policy.options import LoadOptions

if TYPE_CHECKING:
    from collections.abc import Callable

CAMERAS = ("observation.images.top", "observation.images.wrist")
STATE, ACTION, JOINTS = "observation.state", "action", 6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="bench.diffusion")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="of DDIM")
    parser.add_argument("--size", type=int, nargs=2, default=(240, 320), help="of the pictures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        _save(Path(folder), options.steps, tuple(options.size))
        plain, shown = (
            load_diffusion(open_checkpoint(folder, None), LoadOptions("cpu")) for _ in range(2)
        )
    shown.show(Look(STACK, 0))
    rng = np.random.default_rng(0)
    observation = {
        camera: rng.integers(0, 256, (*options.size, 3), dtype=np.uint8) for camera in CAMERAS
    }
    observation[STATE] = np.zeros(JOINTS, np.float32)
    passes: dict[str, list[float]] = {"a pass": [], "a pass with keypoint maps": []}
    for _ in range(options.rounds + 1):
        passes["a pass"].append(_cpu(lambda: plain.explain(observation)))
        passes["a pass with keypoint maps"].append(_cpu(lambda: shown.explain(observation)))
    for name, seconds in passes.items():
        _tell(name, seconds[1:])
    output = shown.explain(observation)
    for name, request in (
        ("contribution", ContributionRequest()),
        ("token_contribution", ContributionRequest("token_contribution")),
    ):
        shown.contribute(observation, request, output)  # makes what it needs
        _tell(name, [_cpu(partial(shown.contribute, observation, request, output))])


def _cpu(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def _tell(name: str, seconds: list[float]) -> None:
    listed = ", ".join(f"{one:.2f}" for one in seconds)
    print(f"{name}: {statistics.median(seconds):.2f} CPU s ({listed})", flush=True)


def _save(folder: Path, steps: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    inputs = {name: PolicyFeature(FeatureType.VISUAL, (3, *size)) for name in CAMERAS}
    inputs[STATE] = PolicyFeature(FeatureType.STATE, (JOINTS,))
    outputs = {ACTION: PolicyFeature(FeatureType.ACTION, (JOINTS,))}
    config = DiffusionConfig(
        input_features=inputs,
        output_features=outputs,
        device="cpu",
        noise_scheduler_type="DDIM",
        num_inference_steps=steps,
        crop_shape=(size[0] * 9 // 10, size[1] * 9 // 10),
    )
    picture = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.25)}
    vector = {"min": -torch.ones(JOINTS), "max": torch.ones(JOINTS)}
    stats = {**dict.fromkeys(CAMERAS, picture), STATE: vector, ACTION: vector}
    parts = DiffusionPolicy(config), *make_pre_post_processors(config, dataset_stats=stats)
    for part in parts:
        part.save_pretrained(folder)


if __name__ == "__main__":
    main()
