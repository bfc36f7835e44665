# SPDX-License-Identifier: Apache-2.0
"""A policy's int8 form on disk: its pass with the convolutions in int8, made by `pam_ros quantise`.

One file for each policy, under $XDG_CACHE_HOME/pam_ros/int8 (else ~/.cache). Its name is the hash
of weights, configuration and layout, and says nothing of a machine: copied into the same folder
elsewhere it serves there too. It is a zip archive, whose sums tell a damaged one.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.act.passes import Prepared
from pam_ros.policy.engines.cache import cache_folder, write_whole
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.policy.engines.workshop import EngineFactory

# Changes whenever the written-out pass changes what it computes or returns, or the file its form.
_FORMAT = 1
# Fields of the configuration that say where lerobot computes and stores, not what.
_PLACE = frozenset({"device", "pretrained_path", "use_amp", "push_to_hub", "repo_id", "private"})
_ABOUT, _XML, _WEIGHTS, _CHECKS = "about.json", "model.xml", "model.bin", "checks.npz"


@dataclass(frozen=True, eq=False)
class Int8Form:
    """What such a file holds.

    Attributes:
        key: of the policy; see key_of.
        source: where the observations came from that its ranges are of, in words.
        observations: how many they were.
        xml: the pass as an OpenVINO model.
        weights: of that model.
        checks: observations that had no part in the ranges, to compare it with float32 on.
        digest: of the file; empty where it is not of one.
    """

    key: str
    source: str
    observations: int
    xml: bytes = field(repr=False)
    weights: bytes = field(repr=False)
    checks: tuple[Prepared, ...] = field(repr=False)
    digest: str = ""


def key_of(workshop: EngineFactory) -> str:
    """The hash of all that a policy's pass depends on, the same on every machine."""
    identity = workshop.identity()
    config = {k: v for k, v in identity["config"].items() if k not in _PLACE}
    text = json.dumps([_FORMAT, {**identity, "config": config}], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def form_path(key: str) -> Path:
    """Where the form of a policy with this key is looked for."""
    return cache_folder("int8") / f"{key}.zip"


def write_form(path: Path, form: Int8Form) -> None:
    """Write the file whole or not at all; OSError if it cannot be written."""
    write_whole(path, packed(form))


def packed(form: Int8Form) -> bytes:
    """What a file of it holds."""
    arrays = {}
    for index, prepared in enumerate(form.checks):
        for name, array in _named(prepared).items():
            arrays[f"{index}.{name}"] = array
    checks = io.BytesIO()
    np.savez(checks, **arrays)  # type: ignore[arg-type]  # numpy's stubs take its option for one
    about = {"key": form.key, "source": form.source, "observations": form.observations}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_ABOUT, json.dumps(about, indent=2))
        archive.writestr(_XML, form.xml)
        archive.writestr(_WEIGHTS, form.weights, zipfile.ZIP_STORED)
        archive.writestr(_CHECKS, checks.getvalue())
    return whole.getvalue()


def read_form(path: Path, policy: str, key: str) -> Int8Form:
    """The form of the policy with this name and key.

    Raises:
        PolicyError: there is none, it is damaged, or of another policy.
    """
    cure = f"pam_ros quantise --policy {policy} makes it from a bag, a dataset or the simulator"
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        message = f"{policy} has no int8 form ({path} is not there): {cure}"
        raise PolicyError(message) from error
    except OSError as error:
        message = f"the int8 form of {policy} cannot be read ({error}): {cure} anew"
        raise PolicyError(message) from error
    try:
        form = unpacked(data)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"the int8 form of {policy} is damaged ({path}: {reason}): {cure} anew"
        raise PolicyError(message) from error
    if form.key != key:
        message = f"{path} is the int8 form of another policy than {policy}: {cure}"
        raise PolicyError(message)
    return form


def unpacked(data: bytes) -> Int8Form:
    """What a file holds; BadZipFile, KeyError, ValueError and others where it is damaged."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        about: dict[str, Any] = json.loads(archive.read(_ABOUT))
        xml, weights = archive.read(_XML), archive.read(_WEIGHTS)
        with np.load(io.BytesIO(archive.read(_CHECKS))) as arrays:
            checks = _checks({name: arrays[name] for name in arrays.files})
    return Int8Form(
        key=str(about["key"]),
        source=str(about["source"]),
        observations=int(about["observations"]),
        xml=xml,
        weights=weights,
        checks=checks,
        digest=hashlib.sha256(data).hexdigest(),
    )


def _named(prepared: Prepared) -> dict[str, NDArray[np.float32]]:
    named = {f"image{index:03d}": image for index, image in enumerate(prepared.images)}
    named |= {
        name: vector
        for name, vector in (("state", prepared.state), ("environment", prepared.environment))
        if vector is not None
    }
    return {name: tensor.cpu().numpy() for name, tensor in named.items()}


def _checks(arrays: dict[str, NDArray[np.float32]]) -> tuple[Prepared, ...]:
    by_index: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in arrays.items():
        index, _, part = name.partition(".")
        by_index.setdefault(int(index), {})[part] = torch.from_numpy(array)
    return tuple(_prepared(by_index[index]) for index in sorted(by_index))


def _prepared(named: dict[str, torch.Tensor]) -> Prepared:
    images: Sequence[torch.Tensor] = [
        named[name].contiguous(memory_format=torch.channels_last)
        for name in sorted(named)
        if name.startswith("image")
    ]
    return Prepared(tuple(images), named.get("state"), named.get("environment"))
