# SPDX-License-Identifier: Apache-2.0
"""What a SmolVLA of real size costs on the CPU, and what its maps add.

    python -m bench.smolvla                 5 rounds
    python -m bench.smolvla --rounds 2 --vlm-dtype float32

Sizes are those of SmolVLM2-500M cut to 16 layers, as LeRobot's SmolVLA has them; weights are
random, which changes no time. Two cameras of 640 x 480 pixels, chunks of 50 actions in 10 denoising
steps. In each round a chunk is computed by lerobot alone, by pam_ros without maps and with the map
of one stack, layer and step, in turns. CPU seconds are those of this process, all threads together,
so that other programs do not count; threads that wait for each other do, so there is one unless
told otherwise. Peak memory is that of passes in a process of their own, the loading left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.machine import ask_for_threads, describe, pin_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TASK = "pick up the red cube"
LEROBOT, WITHOUT, WITH = "lerobot alone", "pam_ros, no map", "pam_ros, one map"
MEMORY_PASSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.smolvla")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vlm-dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--no-memory", action="store_true", help="time alone")
    parser.add_argument("--memory-of", nargs=2, metavar=("FOLDER", "ROW"), help="used by itself")
    options = parser.parse_args(arguments)
    ask_for_threads(options.threads)
    pin_threads(options.threads)
    if options.memory_of:
        folder, row = options.memory_of
        print(_peak_of_passes(Path(folder), row))
        return 0
    with TemporaryDirectory() as folder:
        parameters = write_checkpoint(Path(folder), options.vlm_dtype)
        print(json.dumps(describe("cpu")))
        print(f"{parameters / 1e6:.0f} M parameters, vision-language model in {options.vlm_dtype}")
        seconds = _time(Path(folder), options.rounds)
        memory = {
            row: _in_a_process(folder, row, options.threads)
            for row in (() if options.no_memory else (WITHOUT, WITH))
        }
    for row, values in seconds.items():
        listed = ", ".join(f"{value:.2f}" for value in values)
        print(f"{row:18} {np.median(values):6.2f} CPU-s a chunk, median of {listed}")
    ratios = np.array(seconds[WITH]) / np.array(seconds[WITHOUT])
    print(f"with / without, by rounds: median {np.median(ratios):.3f}, {ratios.min():.3f} to "
          f"{ratios.max():.3f}")  # fmt: skip
    for row, peak in memory.items():
        print(f"{row:18} {peak:6.0f} MiB at the peak of {MEMORY_PASSES} passes")
    if memory:
        print(f"with / without: {memory[WITH] / memory[WITHOUT]:.4f}")
    return 0


def write_checkpoint(folder: Path, vlm_dtype: str) -> int:
    """A random policy of SmolVLA's size, with its vlm folder; how many parameters it has."""
    import torch  # noqa: PLC0415  (after the threads are asked for)
    from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: PLC0415
    from lerobot.policies.factory import make_pre_post_processors  # noqa: PLC0415
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig  # noqa: PLC0415
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy  # noqa: PLC0415

    _write_vlm(folder / "vlm")
    camera = PolicyFeature(FeatureType.VISUAL, (3, 480, 640))
    inputs = {
        "observation.state": PolicyFeature(FeatureType.STATE, (6,)),
        "observation.images.front": camera,
        "observation.images.wrist": camera,
    }
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (6,))}
    config = SmolVLAConfig(
        input_features=inputs,
        output_features=outputs,
        vlm_model_name=str(folder / "vlm"),
        load_vlm_weights=False,
        device="cpu",
    )
    torch.manual_seed(0)
    policy = SmolVLAPolicy(config)
    policy.model.vlm_with_expert.vlm.to(getattr(torch, vlm_dtype))
    config.load_vlm_weights = vlm_dtype == "bfloat16"
    statistics = {
        name: {"mean": torch.zeros(feature.shape), "std": torch.ones(feature.shape)}
        for name, feature in {**inputs, **outputs}.items()
        if len(feature.shape) == 1
    }
    policy.save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=statistics):
        processor.save_pretrained(folder)
    return sum(parameter.numel() for parameter in policy.parameters())


def _write_vlm(folder: Path) -> None:
    """Sizes of SmolVLM2-500M, and a tokenizer of single bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
    )
    from transformers.models.smolvlm.video_processing_smolvlm import (  # noqa: PLC0415
        SmolVLMVideoProcessor,
    )

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
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<pad>", *special.values()],
        show_progress=False,
    )
    alone.train_from_iterator([TASK], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=alone,
        pad_token="<pad>",  # noqa: S106  (a token of text)
        extra_special_tokens=special,
    )
    processor = SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(),
    )
    config = SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 16,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "head_dim": 64,
            "vocab_size": 49280,
            "max_position_embeddings": 8192,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 512,
            "patch_size": 16,
        },
        scale_factor=4,
        pad_token_id=0,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    for part in (processor, tokenizer, config):
        part.save_pretrained(folder)


def _loaded(folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    """The policy, a selection of its last cross layer, and an observation."""
    from pam_ros.attention.selection import make_selection  # noqa: PLC0415
    from pam_ros.policy import load_policy  # noqa: PLC0415

    policy: Any = load_policy(folder, device="cpu")
    policy.instruct(TASK)
    rng = np.random.default_rng(0)
    observation: dict[str, Any] = {
        camera.feature: rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
        for camera in policy.spec.cameras
    }
    observation["observation.state"] = rng.normal(size=6).astype(np.float32)
    selection = make_selection("cross_attention", -1, "mean", "mean", policy.spec)
    return policy, selection, observation


def _time(folder: Path, rounds: int) -> dict[str, list[float]]:
    from pam_ros.policy.smolvla.settings import NOTHING  # noqa: PLC0415

    policy, selection, observation = _loaded(folder)
    prepared = policy.prepare([observation])
    theirs = policy._passes.policy  # noqa: SLF001  (there is no other way to it, and no need of one)

    def alone() -> None:
        policy._preparation.inputs([observation], prepared.words, prepared.noise)  # noqa: SLF001
        theirs.predict_action_chunk(dict(prepared.batch), noise=prepared.noise)

    def without() -> None:
        policy._wanted = NOTHING  # noqa: SLF001  (nobody runs this package to see nothing)
        policy.explain(observation)

    def shown() -> None:
        selection.apply_to(policy)
        selection.maps(policy.explain(observation), policy.spec)

    rows: dict[str, Callable[[], None]] = {LEROBOT: alone, WITHOUT: without, WITH: shown}
    for run in rows.values():
        run()
    seconds: dict[str, list[float]] = {row: [] for row in rows}
    order = list(rows)
    for _ in range(rounds):
        # Another row goes first in each round.
        order = [*order[1:], order[0]]
        for row in order:
            begin = time.process_time()
            rows[row]()
            seconds[row].append(time.process_time() - begin)
            print(f"{row}: {seconds[row][-1]:.2f} CPU-s", file=sys.stderr, flush=True)
    return seconds


def _in_a_process(folder: str, row: str, threads: int) -> float:
    command = [sys.executable, "-m", __spec__.name if __spec__ else "bench.smolvla"]
    command += ["--threads", str(threads), "--memory-of", folder, row]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _peak_of_passes(folder: Path, row: str) -> float:
    """The kernel's VmHWM [MiB] of some passes; that of loading is reset before."""
    policy, selection, observation = _loaded(folder)
    if row == WITH:
        selection.apply_to(policy)
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(MEMORY_PASSES):
        output = policy.explain(observation)
        if row == WITH:
            selection.maps(output, policy.spec)
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
