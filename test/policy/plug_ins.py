# SPDX-License-Identifier: Apache-2.0
"""Packages with policy plug-ins, as pip leaves them on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_package(folder: Path, name: str, loaders: dict[str, str]) -> Path:
    """The dist-info of a package that registers loaders ("module:function") by type."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{kind} = {value}" for kind, value in loaders.items()]
    (info / "entry_points.txt").write_text("\n".join(["[pam_ros.policies]", *lines, ""]))
    return folder
