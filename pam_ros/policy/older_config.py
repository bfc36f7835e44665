# SPDX-License-Identifier: Apache-2.0
"""config.json of a lerobot before 0.2, in the words that lerobot has had since.

In 2024 a configuration named shapes and modes of normalisation by feature, and no policy type:

    "input_shapes": {"observation.state": [14]}, "input_normalization_modes": {...: "mean_std"}

Since 0.2 features have a type, modes belong to types, and the policy says which it is:

    "type": "act", "input_features": {"observation.state": {"type": "STATE", "shape": [14]}},
    "normalization_mapping": {"STATE": "MEAN_STD"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What only one class of policies had in its configuration before 0.2.
_KINDS = {
    "n_vae_encoder_layers": "act",
    "noise_scheduler_type": "diffusion",
    "use_mpc": "tdmpc",
    "vqvae_n_embed": "vqbet",
}
_SIDES = (
    ("input_shapes", "input_normalization_modes", "input_features"),
    ("output_shapes", "output_normalization_modes", "output_features"),
)
_MODES = {"mean_std": "MEAN_STD", "min_max": "MIN_MAX"}
_MOMENTUM = "temporal_ensemble_momentum"


def todays_config(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with a type, and with features that have types; one of today as it is.

    Args:
        name: the checkpoint's, for errors.
        config: of any lerobot.

    Raises:
        PolicyError: it says of no policy type that is known what it is, gives one kind of feature
            two modes, or has a setting that lerobot gave up.
    """
    fields = dict(config)
    if fields.get("type") is None:
        fields["type"] = _kind(name, fields)
    if "input_shapes" in fields or "output_shapes" in fields:
        _translate_features(name, fields)
    momentum = fields.pop(_MOMENTUM, None)
    if momentum is not None:
        raise PolicyError(
            f"{name}: {_MOMENTUM} {momentum!r} in config.json averages chunks in a way that "
            "lerobot gave up in July 2024: write temporal_ensemble_coeff instead (0.01 in the "
            "paper, or null for none)"
        )
    return fields


def _kind(name: str, fields: Mapping[str, Any]) -> str:
    kinds = [kind for field, kind in _KINDS.items() if field in fields]
    if len(kinds) != 1:
        raise PolicyError(
            f"{name}: config.json names no policy type, and its fields are not those of one that "
            f"lerobot had before 0.2: write the type, such as act, into it"
        )
    return kinds[0]


def _translate_features(name: str, fields: dict[str, Any]) -> None:
    mapping: dict[str, str] = {}
    told: dict[str, str] = {}
    for shapes_field, modes_field, features_field in _SIDES:
        shapes, modes = (
            _by_feature(name, key, fields.pop(key, None)) for key in (shapes_field, modes_field)
        )
        unknown = sorted(set(modes) - set(shapes))
        if unknown:
            raise PolicyError(
                f"{name}: {modes_field} in config.json has {', '.join(unknown)}, which "
                f"{shapes_field} does not have"
            )
        fields[features_field] = {}
        for feature, shape in shapes.items():
            kind, mode = _feature_type(feature), _mode(name, feature, modes.get(feature))
            if mapping.setdefault(kind, mode) != mode:
                raise PolicyError(
                    f"{name}: config.json normalises {told[kind]} by {mapping[kind]} and {feature} "
                    f"by {mode}: since 0.2 lerobot has one mode for all features of type {kind}"
                )
            told.setdefault(kind, feature)
            fields[features_field][feature] = {"type": kind, "shape": shape}
    fields["normalization_mapping"] = mapping


def _by_feature(name: str, field: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise PolicyError(
            f"{name}: {field} in config.json must be a mapping by feature, not {value!r}"
        )
    return value or {}


def _feature_type(feature: str) -> str:
    """As the policies of that time went by the names."""
    if feature.startswith("observation.image"):
        return "VISUAL"
    if feature == "observation.environment_state":
        return "ENV"
    return "ACTION" if feature == "action" else "STATE"


def _mode(name: str, feature: str, mode: Any) -> str:
    if mode is None:
        return "IDENTITY"
    if not isinstance(mode, str) or mode not in _MODES:
        raise PolicyError(
            f"{name}: {feature} is normalised by {mode!r} in config.json: it must be "
            f"{' or '.join(_MODES)}"
        )
    return _MODES[mode]
