# SPDX-License-Identifier: Apache-2.0
"""Finds a LeRobot checkpoint and reads its files, with a sentence for each way to be unusable.

A checkpoint is a folder (or a hub repository) with config.json and model.safetensors; lerobot's
policies have policy_preprocessor.json, policy_postprocessor.json and the safetensors files that
those two name beside them, or, from before lerobot 0.4, what those hold among the weights
(older_weights.py). Nothing else is read, and nothing is unpickled. What the weights mean is a
matter of the policy's own folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import huggingface_hub
import safetensors
import safetensors.torch
import torch

from pam_ros.policy.interface import PolicyError
from pam_ros.policy.older_config import todays_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG = "config.json"
PREPROCESSOR = "policy_preprocessor.json"
POSTPROCESSOR = "policy_postprocessor.json"
MIGRATION = "python -m lerobot.processor.migrate_policy_normalization --pretrained-path"
WEIGHTS = "model.safetensors"
ADAPTER = "adapter_config.json"
FILES = (
    CONFIG,
    WEIGHTS,
    ADAPTER,
    "policy_preprocessor*",
    "policy_postprocessor*",
    "vlm/*.json",
    "vlm/*.txt",
    "vlm/*.jinja",
)
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_STEP_CLASS = re.compile(r"lerobot(\.\w+)+")
_LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's files.

    Attributes:
        name: its path or hub id, for errors.
        folder: where the files are.
        kind: the `type` in config.json, such as "act".
        config: all of config.json, in the words of today's lerobot (older_config.py).
    """

    name: str
    folder: Path
    kind: str
    config: dict[str, Any]


def open_checkpoint(path_or_hub_id: str | Path, revision: str | None) -> Checkpoint:
    """Find the folder, or download it from the hub, and read its config.json.

    Raises:
        PolicyError: nothing there, the hub out of reach, a file missing or unreadable, an adapter
            alone, or a config.json that does not say which type of policy it is of.
    """
    name = str(path_or_hub_id)
    folder = _folder(name, revision)
    _refuse_adapter(name, folder)
    config = todays_config(name, _read_json(name, folder / CONFIG))
    return Checkpoint(name, folder, str(config["type"]), config)


def read_pipelines(checkpoint: Checkpoint) -> dict[str, dict[str, Any]]:
    """What the JSON of lerobot's pre- and post-processor says, by file name.

    Raises:
        PolicyError: a file is missing or damaged, names a step that is not lerobot's, or the
            checkpoint is from before lerobot 0.4.
    """
    name, folder = checkpoint.name, checkpoint.folder
    _refuse_before_0_4(checkpoint)
    return {file: _read_pipeline(name, folder, file) for file in (PREPROCESSOR, POSTPROCESSOR)}


def state_files(pipelines: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The state file of each step of the pre- and of the post-processor, for errors.

    A step that names none has the name of the processor's own file.
    """
    before, after = (
        [str(step.get("state_file") or file) for step in pipelines[file]["steps"]]
        for file in (PREPROCESSOR, POSTPROCESSOR)
    )
    return before, after


def read_weights(checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], str]:
    """All tensors of model.safetensors as they are, and the SHA-256 of its bytes.

    Raises:
        PolicyError: the file is damaged.
    """
    path = checkpoint.folder / WEIGHTS
    try:
        weights = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise PolicyError(_damaged(checkpoint.name, WEIGHTS, error)) from error
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return weights, digest.hexdigest()


def weight_names(checkpoint: Checkpoint) -> list[str]:
    """The names of all tensors of model.safetensors, which are not read.

    Raises:
        PolicyError: the file is damaged.
    """
    try:
        with safetensors.safe_open(checkpoint.folder / WEIGHTS, framework="pt") as file:
            return list(file.keys())
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise PolicyError(_damaged(checkpoint.name, WEIGHTS, error)) from error


def check_weights(
    name: str, found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> None:
    """Whether tensors are those that a module has, by the module's names, and finite.

    Args:
        name: the checkpoint's, for errors.
        found: of the file.
        expected: of the module, on any device, the meta device included.

    Raises:
        PolicyError: a tensor is missing, left over, of another shape, or not finite.
    """
    for keys, what in (
        (set(expected) - set(found), f"lacks {{}}, which its {CONFIG} asks for"),
        (set(found) - set(expected), f"has {{}}, for which its {CONFIG} has no place"),
    ):
        if keys:
            message = f"{name}: {WEIGHTS} {what.format(_listed(keys))}"
            raise PolicyError(message)
    for key, tensor in found.items():
        if tensor.shape != expected[key].shape:
            message = (
                f"{name}: {key} in {WEIGHTS} is {tuple(tensor.shape)}, but its {CONFIG} makes it "
                f"{tuple(expected[key].shape)}"
            )
            raise PolicyError(message)
        if not torch.isfinite(tensor).all():
            message = f"{name}: {key} in {WEIGHTS} is not all finite"
            raise PolicyError(message)


def _folder(name: str, revision: str | None) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            message = f"revision {revision!r} needs a hub id, but {name} is a folder"
            raise PolicyError(message)
        return folder
    if folder.is_file():
        message = f"{name} is a file: give the folder that holds {CONFIG} and {WEIGHTS}"
        raise PolicyError(message)
    if not _HUB_ID.fullmatch(name):
        message = f"there is no folder {name}, and it is not a hub id such as user/act_so101"
        raise PolicyError(message)
    try:
        return from_hub(name, FILES, revision)
    except PolicyError as error:
        message = f"there is no folder {name}, and the hub did not give model {name}: {error}"
        raise PolicyError(message) from error


def from_hub(repository: str, patterns: Iterable[str], revision: str | None = None) -> Path:
    """The folder of a hub repository with its files of these patterns, downloaded unless there.

    Raises:
        PolicyError: the hub did not give them; the sentence is its reason alone.
    """
    try:
        downloaded = huggingface_hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(patterns)
        )
    except Exception as error:
        reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise PolicyError(reason) from error
    return Path(downloaded)


def _read_json(name: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{name} has no {path.name}: it must be a LeRobot checkpoint folder"
        if (path.parent / "pretrained_model" / path.name).is_file():
            message = f"{name} has no {path.name}: its folder pretrained_model has one, give that"
        raise PolicyError(message) from None
    except (OSError, ValueError) as error:
        raise PolicyError(_damaged(name, path.name, error)) from error
    if not isinstance(content, dict):
        message = f"{name}: {path.name} must hold a JSON object, not a {type(content).__name__}"
        raise PolicyError(message)
    return content


def check_weights_file(checkpoint: Checkpoint) -> None:
    """Raise PolicyError unless model.safetensors is there, and not an LFS pointer alone."""
    name, folder = checkpoint.name, checkpoint.folder
    path = folder / WEIGHTS
    if not path.is_file():
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
        if pickles:
            message = (
                f"{name} holds its weights in {pickles[0]}, a pickle, which is not read: "
                f"save the policy again with lerobot, as {WEIGHTS}"
            )
        else:
            message = f"{name} has no {WEIGHTS}: weights are read from safetensors only"
        raise PolicyError(message)
    with path.open("rb") as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            message = f"{name}: {WEIGHTS} is a Git LFS pointer: fetch the file with git lfs pull"
            raise PolicyError(message)


def _refuse_adapter(name: str, folder: Path) -> None:
    """A folder of PEFT holds what was trained on top of a policy, and not the policy."""
    if not (folder / ADAPTER).is_file():
        return
    whole = (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()
    if whole and not _read_json(name, folder / CONFIG).get("use_peft"):
        return
    base = _read_json(name, folder / ADAPTER).get("base_model_name_or_path")
    raise PolicyError(
        f"{name} is a PEFT adapter of {base or 'another policy'} ({ADAPTER}), not a whole policy: "
        "merge it into that policy (merge_and_unload of peft) and save the result with its "
        "processors"
    )


def _refuse_before_0_4(checkpoint: Checkpoint) -> None:
    name, folder = checkpoint.name, checkpoint.folder
    if any(key.startswith(("normalize_", "unnormalize_")) for key in weight_names(checkpoint)):
        message = (
            f"{name} was saved before lerobot 0.4, with its normalisation inside {WEIGHTS}: "
            f"migrate it with {MIGRATION} {name}"
        )
        raise PolicyError(message)
    if not (folder / PREPROCESSOR).is_file():
        message = (
            f"{name} has no {PREPROCESSOR}, and no normalisation inside {WEIGHTS}, as policies had "
            "before lerobot 0.4: save the policy's processors beside it"
        )
        raise PolicyError(message)


def _read_pipeline(name: str, folder: Path, file: str) -> dict[str, Any]:
    pipeline = _read_json(name, folder / file)
    steps = pipeline.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        message = f"{name}: {file} must hold a list of steps"
        raise PolicyError(message)
    for step in steps:
        # lerobot would import and call whatever class the file names.
        step_class = step.get("class")
        if "registry_name" not in step and not _STEP_CLASS.fullmatch(str(step_class)):
            message = f"{name}: {file} names step {step_class!r}, which is not one of lerobot's"
            raise PolicyError(message)
        state = step.get("state_file")
        if state is None:
            continue
        if Path(str(state)).name != state or not (folder / state).is_file():
            message = f"{name}: {file} names {state!r}, which is not a file in the folder"
            raise PolicyError(message)
    return pipeline


def _damaged(name: str, file: str, error: Exception) -> str:
    return f"{name}: {file} is damaged: {' '.join(str(error).split())}"


def _listed(keys: Iterable[str]) -> str:
    first, *rest = sorted(keys)
    return f"{first} and {len(rest)} more tensors" if rest else f"the tensor {first}"
