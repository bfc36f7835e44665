# SPDX-License-Identifier: Apache-2.0
"""A fitted detector on disk, beside its SAE: ood.json and ood.safetensors."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.parts import TrainingNorms
from pam_ros.sae.store.manifest import first_line, replace_file

if TYPE_CHECKING:
    from pam_ros.sae.ood.detector import OodModel

JSON_FILE, ARRAYS_FILE = "ood.json", "ood.safetensors"
FORMAT = "pam_ros ood 2"
_LARGEST = 1 << 24


@dataclass(frozen=True)
class OodIdentity:
    """Which tokens a detector scores, and with which SAE."""

    policy_sha256: str
    layer: str
    sampler: str
    sae_sha256: str
    pam_ros_version: str

    def check(self, policy_sha256: str | None, layer: str | None, sampler: str | None) -> None:
        """Raise SaeError where a given value is not that which it was fitted on."""
        given = {"policy_sha256": policy_sha256, "layer": layer, "sampler": sampler}
        for name, value in given.items():
            if value is not None and value != getattr(self, name):
                raise SaeError(
                    f"the out-of-distribution detector was fitted on {name} "
                    f"{getattr(self, name)}, not {value}"
                )


def write_detector(folder: str | Path, model: OodModel) -> None:
    """Write both files; the JSON, which makes it one, comes last.

    Raises:
        SaeError: the folder cannot be written, or the detector is not calibrated.
    """
    if not math.isfinite(model.threshold):
        raise SaeError("a detector without a threshold is not saved: calibrate it first")
    folder = Path(folder)
    arrays = {f"usual.{f.name}": getattr(model.usual, f.name) for f in fields(TrainingNorms)}
    data = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    content = {
        "format": FORMAT,
        **asdict(model.identity),
        "camera_names": list(model.camera_names),
        "window": model.window,
        "false_alarm_rate": model.rate,
        "threshold": model.threshold,
        "normal": model.normal,
        "parts": [
            {"name": name, "centre": _number(centre), "spread": _number(spread)}
            for name, centre, spread in zip(model.parts, model.centre, model.spread, strict=True)
        ],
        "arrays_sha256": hashlib.sha256(data).hexdigest(),
    }
    (folder / JSON_FILE).unlink(missing_ok=True)
    replace_file(folder / ARRAYS_FILE, data)
    replace_file(folder / JSON_FILE, (json.dumps(content, indent=1) + "\n").encode())


def read_detector(folder: str | Path) -> dict[str, Any]:
    """The fields of ood.OodModel.

    Raises:
        SaeError: there is none, or it is damaged.
    """
    folder = Path(folder)
    path = folder / JSON_FILE
    try:
        if path.stat().st_size > _LARGEST:
            raise SaeError(f"{path} is damaged: it is larger than {_LARGEST >> 20} MiB")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise SaeError(
                f"{path} is of format {content['format']!r}, not {FORMAT!r}: fit it again"
            )
        identity = OodIdentity(**{f.name: str(content[f.name]) for f in fields(OodIdentity)})
        parts = content["parts"]
        found: dict[str, Any] = {
            "identity": identity,
            "camera_names": tuple(str(name) for name in content["camera_names"]),
            "window": int(content["window"]),
            "parts": tuple(str(part["name"]) for part in parts),
            # None, for a part that no tick had, becomes NaN.
            "centre": np.array([part["centre"] for part in parts], np.float64),
            "spread": np.array([part["spread"] for part in parts], np.float64),
            "threshold": float(content["threshold"]),
            "rate": float(content["false_alarm_rate"]),
            "normal": str(content["normal"]),
        }
        data = (folder / ARRAYS_FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != content["arrays_sha256"]:
            raise SaeError(f"{folder / ARRAYS_FILE} is not the file that {JSON_FILE} belongs to")
        arrays = safetensors.numpy.load(data)
        found["usual"] = TrainingNorms(
            **{f.name: arrays[f"usual.{f.name}"] for f in fields(TrainingNorms)}
        )
    except FileNotFoundError:
        raise SaeError(
            f"{folder} holds no out-of-distribution detector: fit one with `pam_ros sae ood fit`"
        ) from None
    except (
        safetensors.SafetensorError,
        OSError,
        ValueError,
        OverflowError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}") from None
    if found["window"] < 1 or not math.isfinite(found["threshold"]):
        raise SaeError(f"{path} is damaged: window and threshold must be numbers above 0")
    if (found["spread"] <= 0).any():
        raise SaeError(f"{path} is damaged: a part's spread is not above 0")
    return found


def _number(value: float) -> float | None:
    """NaN is no JSON."""
    return None if math.isnan(value) else float(value)
