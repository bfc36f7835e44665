# SPDX-License-Identifier: Apache-2.0
"""Change a feature inside the policy: ablate, scale, steer, and what the action chunk makes of it.

An edit is what `policy.forward(..., edit=)` and `policy.edit_tokens` take: tokens (B, T, D) to
tokens. Only the features' own part changes,

    x  ->  x + decode(changed) - decode(original),

so what the SAE does not model (its error) stays in the token as it was, and an edit that changes no
activation changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.tokens import Block, parse_sampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.abilities import Prepared, TokenEditing
    from pam_ros.policy.interface import BatchResult
    from pam_ros.sae.arch.model import SAE

MODES = ("ablate", "scale", "steer")
_HALF_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class FeatureEdit:
    """Scales some features and adds to them. Made by ablate, scale and steer.

    sae: whose features. features: (n,) int64. factor: what their activations are multiplied with.
    amount: what is then added, in the activations' own scale; also where the feature is silent.
    tokens: positions in the policy's token sequence; None for all. words: what it does.
    """

    sae: SAE
    features: Tensor
    factor: float
    amount: float
    tokens: Tensor | None
    words: str

    def __call__(self, tokens: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D), on any device."""
        chosen = tokens if self.tokens is None else tokens[:, self.tokens.to(tokens.device)]
        rows = chosen.reshape(-1, chosen.shape[-1])
        # As everywhere, features are those of tokens rounded to float16.
        halves = rows.float().clamp(-_HALF_LARGEST, _HALF_LARGEST).half().float()
        codes = self.sae.encode(halves.to(self.sae.W_enc.device))[:, self.features]
        change = codes * (self.factor - 1.0) + self.amount
        moved = (rows + (change @ self.sae.W_dec[self.features]).to(rows)).reshape(chosen.shape)
        if self.tokens is None:
            return moved
        result = tokens.clone()
        result[:, self.tokens.to(tokens.device)] = moved
        return result


@dataclass(frozen=True, eq=False)
class DirectionEdit:
    """Takes a direction out of every token: x -> x - ((x - centre) . d) d.

    direction: (D,) of norm 1. centre: (D,); tokens keep its part along the direction.
    """

    direction: Tensor
    centre: Tensor
    words: str = "a direction removed"

    def __call__(self, tokens: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        direction = self.direction.to(tokens)
        along = (tokens - self.centre.to(tokens)) @ direction
        return tokens - along[..., None] * direction


def ablate(sae: SAE, features: int | Sequence[int]) -> FeatureEdit:
    """Set features to 0 wherever they are active.

    Raises:
        SaeError: no such feature, or an SAE of averaged tokens.
    """
    index = _features(sae, features)
    return FeatureEdit(sae, index, 0.0, 0.0, None, f"features {index.tolist()} ablated")


def scale(sae: SAE, features: int | Sequence[int], factor: float) -> FeatureEdit:
    """Multiply features' activations; silent ones stay silent.

    Raises:
        SaeError: as ablate, or a factor that is not finite.
    """
    index, value = _features(sae, features), _finite("factor", factor)
    return FeatureEdit(sae, index, value, 0.0, None, f"features {index.tolist()} times {value:g}")


def steer(
    sae: SAE, feature: int, amount: float, tokens: Sequence[int] | None = None
) -> FeatureEdit:
    """Add `amount` times a feature's decoder direction to tokens.

    Args:
        sae: whose feature.
        feature: its number.
        amount: in the scale of its activations.
        tokens: positions in the policy's token sequence; None for all.

    Raises:
        SaeError: as ablate, or an amount that is not finite, or a position below 0.
    """
    index, value = _features(sae, feature), _finite("amount", amount)
    where = None
    if tokens is not None:
        where = torch.tensor(list(tokens), dtype=torch.int64)
        if (where < 0).any():
            raise SaeError("positions of tokens must be at least 0")
    return FeatureEdit(sae, index, 1.0, value, where, f"feature {feature} steered by {value:g}")


def make_edit(sae: SAE, mode: str, feature: int, amount: float) -> FeatureEdit:
    """The edit of a mode by name: `amount` is scale's factor or what steer adds.

    Raises:
        SaeError: an unknown mode; as ablate.
    """
    if mode == "ablate":
        return ablate(sae, feature)
    if mode == "scale":
        return scale(sae, feature, amount)
    if mode == "steer":
        return steer(sae, feature, amount)
    raise SaeError(f"edit mode {mode!r} must be one of {', '.join(MODES)}")


def remove_direction(direction: NDArray[Any], centre: NDArray[Any]) -> DirectionEdit:
    """Take a linear probe's direction (D,) out of the tokens, about their mean `centre` (D,).

    Raises:
        SaeError: a direction of length 0, or other shapes.
    """
    vector = torch.as_tensor(np.asarray(direction, np.float32))
    middle = torch.as_tensor(np.asarray(centre, np.float32))
    length = float(vector.norm())
    if vector.ndim != 1 or middle.shape != vector.shape or not np.isfinite(length) or length == 0:
        raise SaeError("a direction and its centre must be finite vectors of one length, not 0")
    return DirectionEdit(vector / length, middle)


@dataclass(frozen=True, eq=False)
class EditEffect:
    """What an edit does to B observations' chunks.

    change: (B, chunk_size, action_dim) float32, edited minus unedited, in the action's units.
    normalised: the same in the policy's training units. rms: root mean square of `normalised`.
    """

    change: NDArray[np.float32]
    normalised: NDArray[np.float32]

    @property
    def rms(self) -> float:
        """Over observations, steps and action dimensions."""
        return float(np.sqrt(np.mean(np.square(self.normalised, dtype=np.float64))))


def edit_effect(
    policy: TokenEditing[Prepared],
    prepared: Prepared,
    edit: FeatureEdit | DirectionEdit,
    layer: str,
    unedited: BatchResult | None = None,
) -> EditEffect:
    """Passes with and without an edit of a layer's tokens; the policy's state stays as it is.

    Args:
        policy: as load_policy gives it.
        prepared: observations, from policy.prepare.
        edit: as above.
        layer: whose tokens it edits.
        unedited: the passes without it, where they were made before.
    """
    before = policy.forward(prepared, tokens_layer=layer) if unedited is None else unedited
    after = policy.forward(prepared, tokens_layer=layer, edit=edit)
    return EditEffect(after.chunks - before.chunks, after.normalised - before.normalised)


def _features(sae: SAE, features: int | Sequence[int]) -> Tensor:
    index = [features] if isinstance(features, int) else list(features)
    for feature in index:
        if not 0 <= feature < sae.cfg.d_sae:
            raise SaeError(f"there is no feature {feature}: it must be 0 to {sae.cfg.d_sae - 1}")
    if not index:
        raise SaeError("an edit needs at least one feature")
    provenance = sae.cfg.provenance
    if provenance is not None and isinstance(parse_sampler(provenance.sampler), Block):
        raise SaeError(
            f"this SAE was trained on {provenance.sampler}, means of tokens: single tokens can be "
            "edited only with one that was trained on single tokens"
        )
    return torch.tensor(index, dtype=torch.int64)


def _finite(name: str, value: float) -> float:
    if not np.isfinite(value):
        raise SaeError(f"the {name} of an edit must be finite, not {value}")
    return float(value)
