# SPDX-License-Identifier: Apache-2.0
"""Folders and files of targets: good ones in memory, of which one file is replaced."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Parse = Callable[[bytes], None]

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"


def one_of_files(
    name: str, files: tuple[str, ...], read: Callable[[Path], object], refuses: type[Exception]
) -> Parse:
    """A folder of which one file, chosen by the first byte, holds the input."""
    folder = good_folder(name)
    whole = {file: (folder / file).read_bytes() for file in files}

    def parse(data: bytes) -> None:
        if not data:
            return
        file = files[data[0] % len(files)]
        (folder / file).write_bytes(data[1:])
        try:
            read(folder)
        except refuses:
            pass
        finally:
            (folder / file).write_bytes(whole[file])

    return parse


def refused(function: Callable[[Path], object], file: Path, refuses: type[Exception]) -> bool:
    """Whether the function raises this exception for the file."""
    try:
        function(file)
    except refuses:
        return True
    return False


def replace_node(whole: object, place: int, value: object) -> object:
    """A copy of nested JSON in which the place-th node (modulo their number) is another value."""
    paths = list(_paths(whole, ()))
    path = paths[place % len(paths)]
    if not path:
        return value
    copied: Any = json.loads(json.dumps(whole))
    parent = copied
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return copied


def _paths(node: object, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Mapping[Any, object] = {}
    if isinstance(node, dict):
        items = node
    elif isinstance(node, list):
        items = dict(enumerate(node))
    for key, child in items.items():
        yield from _paths(child, (*path, key))


def good_contract() -> Any:
    """The contract that others are made from."""
    from pam_ros.robot.contract_file import parse_contract  # noqa: PLC0415

    return parse_contract(
        json.loads((CORPUS / "contract_fields" / "whole.json").read_text()), "contract"
    )


def install_messages() -> None:
    """The embedded runtime with the package's own messages."""
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": ROOT / "msg"})


def good_folder(name: str) -> Path:
    """A copy in memory of a good folder of this kind."""
    folder = scratch_folder() / name
    shutil.copytree(Path(__file__).parent / "whole" / name, folder)
    return folder


def scratch_folder() -> Path:
    """A new folder, in memory where there is /dev/shm."""
    memory = Path("/dev/shm")  # noqa: S108  (what is here is of no value)
    parent = memory if os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ.get("FUZZ_SCRATCH", parent)))


def remove(path: Path) -> None:
    """Remove a file or a folder with what is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
