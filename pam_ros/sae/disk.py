# SPDX-License-Identifier: Apache-2.0
"""SAEs on disk, in SAELens's format: a folder with cfg.json and sae_weights.safetensors.

cfg.json's metadata holds our provenance under "pam_ros"; token_stats.safetensors beside them holds
the training tokens' statistics. SAELens passes over both. Nothing is unpickled, and nothing is
allocated before its size agrees with cfg.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch

from pam_ros.sae.arch.classes import finished_classes
from pam_ros.sae.errors import SaeError
from pam_ros.sae.saelens_config import read_config
from pam_ros.sae.store.manifest import first_line, replace_file
from pam_ros.sae.store.stats import load_stats
from pam_ros.sae.store.tokens import check_same_rows

if TYPE_CHECKING:
    from torch import Tensor

    from pam_ros.sae.arch.model import SAE, SaeConfig
    from pam_ros.sae.provenance import Provenance
    from pam_ros.sae.saelens_config import WeightConventions

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"

SAELENS_VERSION = "6.0.0"
"""Whose fields cfg.json has; an older SAELens reads them otherwise."""

_SCALING_FACTORS = {"scaling_factor", "finetuning_scaling_factor"}
"""(F,), multiplied onto activations before decoding: the first by SAELens 1 and 2, always."""

_DTYPES = {"F32", "F16", "BF16", "F64"}


def save_sae(sae: SAE, folder: str | Path, provenance: Provenance | None = None) -> None:
    """Write an SAE; an SAE that stands there is replaced as a whole.

    `sae.sha256` and `sae.cfg.provenance` are set.

    Args:
        sae: finished; its stats are written too where it has them.
        folder: made; its parents too.
        provenance: where it comes from; by default what it holds already.

    Raises:
        SaeError: the folder holds something else, or cannot be written. Nothing half-written stays.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / CONFIG).is_file():
        raise SaeError(f"{folder} exists and holds no SAE: name another folder")
    for name, tensor in sae.weights().items():
        if not torch.isfinite(tensor).all():
            raise SaeError(f"the SAE's {name} is not all finite: it is not saved")
    sae.cfg = replace(sae.cfg, provenance=provenance or sae.cfg.provenance)
    weights = safetensors.torch.save(sae.weights())
    content = json.dumps(_to_json(sae), indent=1) + "\n"
    part = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        replace_file(part / WEIGHTS, weights)
        replace_file(part / CONFIG, content.encode())
        if sae.stats is not None:
            sae.stats.save(part)
        if folder.exists():
            old = folder.with_name(folder.name + ".old")
            shutil.rmtree(old, ignore_errors=True)
            folder.replace(old)
            part.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            part.replace(folder)
    except OSError as error:
        raise SaeError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sae.sha256 = hashlib.sha256(weights).hexdigest()


def load_sae(
    folder: str | Path,
    *,
    policy_sha256: str | None = None,
    layer: str | None = None,
    width: int | None = None,
    sampler: str | None = None,
) -> SAE:
    """Read an SAE that pam_ros or SAELens wrote.

    Args:
        folder: with cfg.json and sae_weights.safetensors.
        policy_sha256: of the policy that it is to be used with; None not to check. An SAE without
            provenance is taken.
        layer: the layer that it is to be used on; None not to check.
        width: of the tokens; None not to check.
        sampler: of the tokens; None not to check.

    Raises:
        SaeError: it is missing or damaged, or computes what is not known here; or it was trained on
            another policy, layer or width, or on means where there are tokens.
    """
    folder = Path(folder)
    cfg, conventions = read_config(folder / CONFIG)
    check_fits(folder, cfg, policy_sha256, layer, width, sampler)
    weights = _read_weights(folder / WEIGHTS, cfg)
    _fold(folder, weights, conventions)
    sae = finished_classes()[cfg.architecture](cfg, weights)
    sae.stats = load_stats(folder, cfg.d_in)
    sae.sha256 = file_sha256(folder / WEIGHTS)
    return sae.eval()


def check_fits(
    folder: Path,
    cfg: SaeConfig,
    policy_sha256: str | None,
    layer: str | None,
    width: int | None,
    sampler: str | None = None,
) -> None:
    """Check an SAE's configuration against the tokens that it is to encode; None is not checked.

    Raises:
        SaeError: it was trained on another policy, layer or width, or on means of blocks where
            there are single tokens, or the other way round.
    """
    if width is not None and cfg.d_in != width:
        raise SaeError(f"{folder} takes tokens of {cfg.d_in} values: this layer's have {width}")
    found = cfg.provenance
    if found is None:
        return
    if policy_sha256 is not None and found.policy_sha256 != policy_sha256:
        raise SaeError(
            f"{folder} was trained on another policy: on {found.policy_sha256}, not {policy_sha256}"
        )
    if layer is not None and found.layer != layer:
        raise SaeError(
            f"{folder} was trained on layer {found.layer} of policy {found.policy_sha256}, not on "
            f"layer {layer} of policy {policy_sha256 or found.policy_sha256}"
        )
    if sampler is not None:
        try:
            check_same_rows(found.sampler, sampler)
        except SaeError as error:
            raise SaeError(f"{folder} does not fit: {error}") from None


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _to_json(sae: SAE) -> dict[str, Any]:
    cfg = sae.cfg
    provenance = None if cfg.provenance is None else asdict(cfg.provenance)
    content: dict[str, Any] = {
        "architecture": cfg.architecture,
        "d_in": cfg.d_in,
        "d_sae": cfg.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": cfg.apply_b_dec_to_input,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": SAELENS_VERSION,
            "sae_lens_training_version": None,
            "model_name": provenance and provenance["policy_name"],
            "hook_name": provenance and provenance["layer"],
            "pam_ros": {"provenance": provenance, "training": dict(cfg.training)},
        },
    }
    if sae.keeps_k:
        content |= {"k": cfg.k, "rescale_acts_by_decoder_norm": False}
    return content


def _fold(folder: Path, weights: dict[str, Tensor], conventions: WeightConventions) -> None:
    """Put what cfg.json says of the weights into the weights themselves, which come out plain.

    Raises:
        SaeError: cfg.json and the weights disagree about the scaling factor.
    """
    if conventions.rescaled:
        # Selection and activations by pre * |row|, and decoding by row / |row|.
        norm = weights["W_dec"].norm(dim=1)
        weights["W_enc"] *= norm
        weights["b_enc"] *= norm
        weights["W_dec"] /= norm.clamp_min(1e-30)[:, None]
    said = f"{folder / CONFIG}: finetuning_scaling_factor {conventions.scaled}"
    name = next(iter(_SCALING_FACTORS & set(weights)), None)
    if name is None:
        if conventions.scaled:
            raise SaeError(f"{said}, but {WEIGHTS} holds no such factor")
        return
    factor = weights.pop(name)
    if conventions.scaled is False and not torch.allclose(factor, torch.ones_like(factor)):
        raise SaeError(f"{said}, but {WEIGHTS} holds a {name} that is not 1")
    # (f * factor) W_dec = f (factor * W_dec)
    weights["W_dec"] *= factor[:, None]


def _read_weights(path: Path, cfg: SaeConfig) -> dict[str, Tensor]:
    shapes = {
        "W_enc": (cfg.d_in, cfg.d_sae),
        "b_enc": (cfg.d_sae,),
        "W_dec": (cfg.d_sae, cfg.d_in),
        "b_dec": (cfg.d_in,),
        "threshold": (cfg.d_sae,),
    }
    wanted = {name: shapes[name] for name in finished_classes()[cfg.architecture].weight_names()}
    needed = ", ".join(wanted)
    try:
        smallest = 2 * sum(math.prod(shape) for shape in wanted.values())
        if os.stat(path).st_size < smallest:  # noqa: PTH116
            raise SaeError(f"{path} is too small for the sizes in {CONFIG}: it is damaged")
        with safetensors.safe_open(path, framework="pt") as file:
            names = set(file.keys())
            factors = names & _SCALING_FACTORS
            if names - factors != set(wanted) or len(factors) > 1:
                raise SaeError(
                    f"{path} holds {', '.join(sorted(names))[:200]}: it must hold {needed}"
                )
            wanted |= dict.fromkeys(factors, (cfg.d_sae,))
            for name, shape in wanted.items():
                part = file.get_slice(name)
                if tuple(part.get_shape()) != shape or part.get_dtype() not in _DTYPES:
                    raise SaeError(
                        f"{path}: {name} is {part.get_dtype()} of shape {part.get_shape()}, but "
                        f"{CONFIG} makes it a float of shape {list(shape)}"
                    )
            weights = {name: file.get_tensor(name).float().clone() for name in wanted}
    except FileNotFoundError:
        raise SaeError(f"{path.parent} is no SAE: it has no {WEIGHTS}") from None
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}") from None
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise SaeError(f"{path}: {name} is not all finite")
    return weights
