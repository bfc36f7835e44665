# SPDX-License-Identifier: Apache-2.0
"""Descriptions of features as a Parquet and a JSON file of the same content."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.describe.descriptions import HISTOGRAM_EDGES
from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.describe.descriptions import Descriptions
    from pam_ros.sae.describe.top_frames import TopFrames
    from pam_ros.sae.store.manifest import StoreInfo

    Matches = Mapping[str, tuple[NDArray[np.int64], NDArray[np.float32]]]

PARQUET, JSON = "features.parquet", "features.json"
_ROWS_AT_ONCE = 256


def write_descriptions(
    folder: Path, found: Descriptions, sae: SAE, info: StoreInfo, others: Matches
) -> tuple[Path, Path]:
    """Write both files, some features at a time, each under its name only when it is whole.

    Raises:
        SaeError: the folder cannot be written, or pyarrow is missing.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise SaeError("Parquet needs pyarrow: pip install pyarrow") from None
    about = {
        "sae_sha256": sae.sha256,
        "policy_sha256": info.policy_sha256,
        "layer": info.layer,
        "sampler": info.sampler,
        "dataset": info.dataset,
        "rows": found.rows,
        "ticks": found.ticks,
        "camera_names": list(info.camera_names),
        "provenance": None if sae.cfg.provenance is None else asdict(sae.cfg.provenance),
        "histogram_edges": HISTOGRAM_EDGES.tolist(),
        "signals": list(found.signals),
        "others": list(others),
    }
    paths = folder / PARQUET, folder / JSON
    parts = [path.with_name(path.name + ".part") for path in paths]
    writer: Any = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with parts[1].open("w", encoding="utf-8") as text:
            text.write(json.dumps({"about": about})[:-1] + ', "features": [\n')
            for start in range(0, sae.cfg.d_sae, _ROWS_AT_ONCE):
                stop = min(start + _ROWS_AT_ONCE, sae.cfg.d_sae)
                rows = list(_rows(found, others, range(start, stop)))
                table = pa.Table.from_pylist(rows)
                if writer is None:
                    schema = table.schema.with_metadata({"pam_ros": json.dumps(about)})
                    writer = parquet.ParquetWriter(parts[0], schema)
                writer.write_table(table.cast(writer.schema))
                text.write(",\n" if start else "")
                text.write(",\n".join(json.dumps(row) for row in rows))
            text.write("\n]}\n")
        writer.close()
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    except OSError as error:
        raise SaeError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        if writer is not None:
            writer.close()
        for part in parts:
            part.unlink(missing_ok=True)
    return paths


def _rows(found: Descriptions, others: Matches, features: range) -> Iterator[dict[str, Any]]:
    for f in features:
        yield {
            "feature": f,
            "density": float(found.density[f]),
            "tick_density": float(found.tick_density[f]),
            "mean": float(found.mean[f]),
            "maximum": float(found.maximum[f]),
            "histogram": found.histogram[f].tolist(),
            "phase": _rounded(found.phase[f]),
            "heat": _rounded(found.heat[f]),
            "correlation": _rounded(found.correlation[f]),
            "top": _frames(found.top, f),
            "per_episode": _frames(found.per_episode, f),
            "matches": [
                {"sae": name, "feature": int(index[f]), "cosine": float(cosine[f])}
                for name, (index, cosine) in others.items()
            ],
        }


def _rounded(values: NDArray[np.floating[Any]]) -> list[float | None]:
    """To six digits; None where not known, which JSON has and NaN is not."""
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in values.tolist()]


def _frames(top: TopFrames, f: int) -> list[dict[str, Any]]:
    kept = np.flatnonzero(top.value[f] > 0)
    return [
        {
            "value": float(top.value[f, i]),
            "episode": int(top.episode[f, i]),
            "frame": int(top.frame[f, i]),
            "token": int(top.token[f, i]),
        }
        for i in kept
    ]
