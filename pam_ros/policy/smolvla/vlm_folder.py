# SPDX-License-Identifier: Apache-2.0
"""Where the vision-language model's small files are: its sizes and its tokenizer, not its weights.

A SmolVLA checkpoint holds all weights, and names the model that it was made of
(`vlm_model_name`). LeRobot reads that model's configuration and tokenizer from the hub whenever it
loads the policy. Here they come, in this order, from the checkpoint's own folder `vlm`, from the
folder that the name says, or from the hub's repository of that name, which is asked for these files
alone, once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.policy.checkpoint import from_hub
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from pam_ros.policy.checkpoint import Checkpoint

OWN = "vlm"
NEEDED = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
"""Without these there is no SmolVLM."""
PATTERNS = ("*.json", "*.txt", "*.jinja")
"""Its small files on the hub."""


def vlm_folder(checkpoint: Checkpoint) -> Path:
    """The folder with the model's small files.

    Raises:
        PolicyError: there is none, or a file of it is missing; says which, and how to get it.
    """
    named = checkpoint.config.get("vlm_model_name")
    if not isinstance(named, str) or not named:
        message = f"{checkpoint.name}: vlm_model_name {named!r} in config.json must be a text"
        raise PolicyError(message)
    own = checkpoint.folder / OWN
    for folder in (own, checkpoint.folder / named, Path(named).expanduser()):
        if folder.is_dir():
            return _whole(checkpoint.name, folder)
    if Path(named).is_absolute():
        # Saved on another machine, with a folder of that one.
        message = (
            f"{checkpoint.name} names the folder {named} for its vision-language model, which is "
            f"not here: copy its {', '.join(NEEDED)} to {own}"
        )
        raise PolicyError(message)
    try:
        folder = from_hub(named, PATTERNS)
    except PolicyError as error:
        include = " ".join(f"--include '{pattern}'" for pattern in PATTERNS)
        message = (
            f"{checkpoint.name} needs {', '.join(NEEDED)} of {named}, and the hub did not give "
            f"them: run `hf download {named} {include}` once where there is a network, or copy "
            f"them to {own} ({error})"
        )
        raise PolicyError(message) from error
    return _whole(checkpoint.name, folder)


def _whole(name: str, folder: Path) -> Path:
    missing = [file for file in NEEDED if not (folder / file).is_file()]
    if missing:
        message = (
            f"{name}: the folder of its vision-language model, {folder}, lacks {', '.join(missing)}"
        )
        raise PolicyError(message)
    return folder
