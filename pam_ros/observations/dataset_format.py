# SPDX-License-Identifier: Apache-2.0
"""Opens LeRobot data sets; what lerobot says of those that it does not read is said in full."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pam_ros.observations.errors import SourceError
from pam_ros.observations.find import is_hub_id

_CONVERTER = "convert_dataset_v21_to_v30"


def open_dataset(name: str) -> Any:
    """Lerobot's LeRobotDataset of a folder or hub id.

    Raises:
        SourceError: there is none, or it is of another format.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(name, folder)
    elif not is_hub_id(Path(name)):
        raise SourceError(f"dataset {name} cannot be opened: {name} holds no LeRobotDataset")
    # lerobot's datasets are slow to load, and simulator and bags do without them.
    from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: PLC0415

    try:
        # pyav reads videos without FFmpeg's shared libraries, which torchcodec needs.
        if folder.is_dir():
            return LeRobotDataset(f"local/{folder.name}", root=folder, video_backend="pyav")
        return LeRobotDataset(name, video_backend="pyav")
    except Exception as error:
        if type(error).__name__ == "BackwardCompatibilityError":
            reason = f"it is of format 2.1: {_convert('--repo-id', name)}"
        else:
            reason = with_codec(one_line(error))
        raise SourceError(f"dataset {name} cannot be opened: {reason}") from error


def one_line(error: Exception) -> str:
    """An error of lerobot's in one line, not too long."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def with_codec(sentence: str) -> str:
    """The sentence, with the package that helps where videos cannot be decoded."""
    if any(word in sentence for word in ("No module named 'av'", "torchcodec", "video_backend")):
        return f"{sentence}; its videos are read with the package av: pip install 'pam_ros[video]'"
    return sentence


def _check_folder(name: str, folder: Path) -> None:
    info = folder / "meta" / "info.json"
    try:
        version = str(json.loads(info.read_text(encoding="utf-8"))["codebase_version"])
    except FileNotFoundError:
        version, problem = "", f"{name} holds no LeRobotDataset: it has no meta/info.json"
    except (OSError, ValueError, KeyError, TypeError) as error:
        version, problem = "", f"meta/info.json is no description of one: {one_line(error)}"
    else:
        problem = _of_format(version.removeprefix("v"), folder)
    if problem:
        raise SourceError(f"dataset {name} cannot be opened: {problem}")


def _of_format(version: str, folder: Path) -> str:
    """Why a format is not read, with what helps; empty where it is."""
    if version == "2.1":
        folder = folder.resolve()
        # Of a folder, lerobot 0.4 wants the one that it is in.
        root = folder if _is_script() else folder.parent
        return f"it is of format 2.1: {_convert('--repo-id', folder.name, '--root', root)}"
    if version.startswith(("1.", "2.")):
        return (
            f"it is of format {version}, and this lerobot converts 2.1 alone: lerobot 0.3.3 makes "
            "2.1 of 2.0 (lerobot/datasets/v21/convert_dataset_v20_to_v21.py), of a data set on the "
            "hub and not of a folder"
        )
    return ""


def _is_script() -> bool:
    """Whether this lerobot has its converter among its scripts, as 0.6 does."""
    lerobot = find_spec("lerobot")
    places = [] if lerobot is None else lerobot.submodule_search_locations or []
    return any((Path(place) / "scripts" / f"{_CONVERTER}.py").is_file() for place in places)


def _convert(*arguments: object) -> str:
    """The command that converts a data set on this machine."""
    words = " ".join(
        f"{key}={shlex.quote(str(value))}"
        for key, value in zip(arguments[::2], arguments[1::2], strict=True)
    )
    room = "scripts" if _is_script() else "datasets.v30"
    return (
        f"`python -m lerobot.{room}.{_CONVERTER} {words} --push-to-hub=false` converts it on this "
        "machine and pushes nothing; what it was stays beside it, its name ending in _old"
    )
