# SPDX-License-Identifier: Apache-2.0
"""What cfg.json says an SAE computes, in the words of every SAELens so far.

SAELens 6 has a class per architecture. Before it, one class served "standard", "topk" and
"jumprelu", and activation_fn_str (activation_fn in versions 1 and 2) named what follows the
encoder: a TopK SAE was "standard" with "topk", its k in activation_fn_kwargs. The k largest values
were rectified then as now.

Each key that changes the numbers is read, or refused with its value. Passed over are the keys that
only tell how an SAE was trained, and on which activations: dataset, context_size, prepend_bos,
seqpos_slice, noise_scale, l1_coefficient and the like.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.sae.arch.classes import finished_classes
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.errors import SaeError
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.manifest import first_line

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_FILE = 1 << 24
_LARGEST_SIZE = 1 << 24
_ACTIVATION = ("activation_fn_str", "activation_fn")
_HEAD = ("hook_head_index", "hook_point_head_index", "hook_head_index_out")
_HOOK = ("hook_name", "hook_point")


@dataclass(frozen=True)
class WeightConventions:
    """How the tensors of sae_weights.safetensors are to be taken.

    Attributes:
        rescaled: a feature's pre-activation is multiplied by its decoder row's norm before the k
            largest are chosen, and its activation divided by it before decoding.
        scaled: finetuning_scaling_factor, whether activations are multiplied by a tensor of the
            weights before decoding; None if cfg.json does not say.
    """

    rescaled: bool
    scaled: bool | None


def read_config(path: Path) -> tuple[SaeConfig, WeightConventions]:
    """Read cfg.json, of any version of SAELens or of pam_ros.

    Raises:
        SaeError: it is missing or damaged, or says something that is not computed here; the
            sentence names the key and its value.
    """
    content = _read_object(path)
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    _check_inputs(path, content, metadata)
    architecture = _architecture(path, content)
    d_in, d_sae = (
        _size(path, name, content.get(name), _LARGEST_SIZE) for name in ("d_in", "d_sae")
    )
    rescaled = _flag(path, content, "rescale_acts_by_decoder_norm") or False
    finished = finished_classes()[architecture]
    if rescaled and not finished.keeps_k:
        raise _refused(path, "rescale_acts_by_decoder_norm", True, "is for topk alone")
    b_dec = _flag(path, content, "apply_b_dec_to_input")
    ours = metadata.get("pam_ros")
    ours = ours if isinstance(ours, dict) else {}
    cfg = SaeConfig(
        architecture,
        d_in,
        d_sae,
        _k(path, content, d_sae) if finished.keeps_k else None,
        b_dec is not False,
        _provenance(path, ours.get("provenance")),
        ours["training"] if isinstance(ours.get("training"), dict) else {},
    )
    return cfg, WeightConventions(rescaled, _flag(path, content, "finetuning_scaling_factor"))


def _read_object(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SaeError(f"{path} is larger than {_LARGEST_FILE >> 20} MiB: it is no cfg.json")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SaeError(f"{path.parent} is no SAE: it has no {path.name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}") from None
    if not isinstance(content, dict):
        raise SaeError(f"{path} must hold a JSON object, not a {type(content).__name__}")
    return content


def _check_inputs(path: Path, content: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Refuse an SAE that takes something else than a token as it is.

    normalize_activations: "expected_average_only_in" (true, in version 2) needs a factor that
    SAELens does not save; the other values scale each token by its own norm or deviation.
    """
    # Versions before 6 said "none" by false, or by nothing.
    name = "normalize_activations"
    for found in (content, metadata):
        if found.get(name) not in (None, False, "none"):
            raise _refused(path, name, found[name], "is not known here, only 'none' is")
    if content.get("reshape_activations", "none") != "none":
        name = "reshape_activations"
        raise _refused(path, name, content[name], "is not known here, only 'none' is")
    hooks = [(key, content[key]) for key in _HOOK if isinstance(content.get(key), str)]
    for key, hook in hooks:
        # What reshape_activations 'hook_z' says since version 6.
        if "reshape_activations" not in content and hook.endswith("_z"):
            raise _refused(path, key, hook, "joins attention heads: it does not take tokens")
    for found in (content, metadata):
        for key in _HEAD:
            if found.get(key) is not None:
                raise _refused(path, key, found[key], "is one attention head: not a whole token")
    out = metadata.get("hook_name_out")
    if out is not None and out != metadata.get("hook_name"):
        raise _refused(path, "hook_name_out", out, "is another layer: this is a transcoder")


def _architecture(path: Path, content: dict[str, Any]) -> str:
    """The architecture, whether the key of this name says it or the activation."""
    # Versions 1 to 3.5 had one architecture and no such key; they had no metadata either.
    unsaid = "standard" if "metadata" not in content else None
    architecture = content.get("architecture", unsaid)
    if not isinstance(architecture, str) or architecture not in finished_classes():
        raise SaeError(
            f"{path}: architecture {_shown(str(architecture))} must be one of "
            f"{', '.join(finished_classes())}"
        )
    for key in _ACTIVATION:
        activation = content.get(key)
        if activation is None:
            continue
        if activation not in ("relu", "topk"):
            raise _refused(path, key, activation, "is not known here, only 'relu' and 'topk' are")
        if activation == "topk" and architecture == "standard":
            architecture = "topk"
        if (activation == "topk") != (architecture == "topk"):
            raise _refused(path, key, activation, f"and architecture '{architecture}' disagree")
    if architecture != "topk" and content.get("activation_fn_kwargs"):
        name = "activation_fn_kwargs"
        raise _refused(path, name, content[name], f"is not of architecture '{architecture}'")
    return architecture


def _k(path: Path, content: dict[str, Any], largest: int) -> int:
    """Active features a token: k, or before version 6 activation_fn_kwargs' k."""
    old = content.get("activation_fn_kwargs")
    if not old:
        return _size(path, "k", content.get("k"), largest)
    if not isinstance(old, dict) or set(old) != {"k"}:
        raise _refused(path, "activation_fn_kwargs", old, "must hold k alone")
    k = _size(path, "activation_fn_kwargs: k", old["k"], largest)
    if content.get("k", k) != k:
        raise _refused(path, "k", content["k"], f"and activation_fn_kwargs {old} disagree")
    return k


def _flag(path: Path, content: dict[str, Any], key: str) -> bool | None:
    value = content.get(key)
    if value is not None and not isinstance(value, bool):
        raise _refused(path, key, value, "must be true or false")
    return value


def _size(path: Path, name: str, value: object, largest: int) -> int:
    if type(value) is not int or not 1 <= value <= largest:
        raise _refused(path, name, value, f"must be a whole number from 1 to {largest}")
    return value


def _provenance(path: Path, value: object) -> Provenance | None:
    if value is None:
        return None
    names = set(Provenance.__dataclass_fields__)
    if (
        not isinstance(value, dict)
        or not names <= set(value)
        or not all(isinstance(value[name], str) for name in names)
    ):
        raise SaeError(f"{path}: the provenance must give {', '.join(sorted(names))} as texts")
    return Provenance(**{name: value[name] for name in names})


def _shown(value: object) -> str:
    return repr(value)[:80]


def _refused(path: Path, key: str, value: object, why: str) -> SaeError:
    return SaeError(f"{path}: {key} {_shown(value)} {why}")
