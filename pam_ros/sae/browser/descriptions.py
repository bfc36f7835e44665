# SPDX-License-Identifier: Apache-2.0
"""The Parquet file of `pam_ros sae describe`, as arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.browser.errors import FeaturesError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "features.parquet"
_SCALARS = ("density", "tick_density", "mean", "maximum")
_LISTS = ("histogram", "phase", "correlation")
_RANKED = {"value": np.float32, "episode": np.int32, "frame": np.int32, "token": np.int32}


@dataclass(frozen=True, eq=False)
class Described:
    """about: as describe_file writes it. arrays: as in book.py, of F features."""

    about: dict[str, Any]
    features: int
    arrays: dict[str, NDArray[Any]]


def read_descriptions(folder: Path) -> Described:
    """Read features.parquet.

    Raises:
        FeaturesError: it is missing or damaged, or pyarrow is missing.
    """
    path = folder / FILE
    try:
        from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise FeaturesError("Parquet needs pyarrow: pip install pyarrow") from None
    try:
        table = parquet.read_table(
            path, columns=["feature", *_SCALARS, *_LISTS, "top", "per_episode", "matches"]
        )
        about = json.loads(table.schema.metadata[b"pam_ros"])
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        if columns.pop("feature") != list(range(table.num_rows)):
            raise FeaturesError(f"{path} does not hold every feature once, in order")
        arrays: dict[str, NDArray[Any]] = {
            name: np.asarray(columns[name], np.float32) for name in _SCALARS
        }
        arrays["histogram"] = np.asarray(columns["histogram"], np.int64)
        for name in ("phase", "correlation"):
            # None is not a number.
            rows = [[np.nan if v is None else v for v in row] for row in columns[name]]
            arrays[name] = np.asarray(rows, np.float32).reshape(table.num_rows, -1)
        for name in ("top", "per_episode"):
            arrays.update(_ranked(name, columns[name]))
        arrays["match_feature"] = np.asarray(
            [[match["feature"] for match in row] for row in columns["matches"]], np.int32
        ).reshape(table.num_rows, -1)
        arrays["match_cosine"] = np.asarray(
            [[match["cosine"] for match in row] for row in columns["matches"]], np.float32
        ).reshape(table.num_rows, -1)
    except FileNotFoundError:
        raise FeaturesError(f"{folder} has no {FILE}: `pam_ros sae describe` writes it") from None
    except (ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        raise FeaturesError(f"{path} is damaged: {' '.join(str(error).split())[:300]}") from None
    return Described(about, table.num_rows, arrays)


def _ranked(name: str, rows: list[list[dict[str, Any]]]) -> dict[str, NDArray[Any]]:
    """Frames, strongest first, padded with value 0."""
    width = max((len(row) for row in rows), default=0)
    found: dict[str, NDArray[Any]] = {
        f"{name}_{part}": np.zeros((len(rows), width), kind) for part, kind in _RANKED.items()
    }
    for number, row in enumerate(rows):
        for part in _RANKED:
            found[f"{name}_{part}"][number, : len(row)] = [frame[part] for frame in row]
    return found
