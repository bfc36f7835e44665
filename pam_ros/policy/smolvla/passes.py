# SPDX-License-Identifier: Apache-2.0
"""One forward pass of lerobot's own SmolVLAPolicy, and what it gives beside the chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pam_ros.policy.interface import PolicyError
from pam_ros.policy.smolvla.layout import ABSENT, PREFIX
from pam_ros.policy.smolvla.prepare import STATE
from pam_ros.policy.smolvla.taps import Taps, Watch
from pam_ros.policy.taps import QueryKeyTap

if TYPE_CHECKING:
    from torch import Tensor

    from pam_ros.attention.look import Stack, WeightKey
    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.smolvla.layout import PrefixLayout
    from pam_ros.policy.smolvla.prepare import Inputs
    from pam_ros.policy.taps import Wanted

ENCODER, INPUT = "encoder", "encoder_input"


class Pass(NamedTuple):
    """What one pass computed.

    Attributes:
        chunk: (B, C, A) float32, normalised.
        tokens: (B, T, D) float32 of the place asked for, a row for each token of the layout.
        weights: (B, heads, queries, keys) float32 by stack, layer and denoising step.
    """

    chunk: Tensor
    tokens: Tensor | None
    weights: dict[WeightKey, Tensor]


def places_by_name(layers: int) -> dict[str, int]:
    """The language model's layer that reads the tokens of each name.

    "encoder_input" are the tokens as they are embedded, "prefix.layers.K" layer K's output, and
    "encoder" what the last layer reads: the last tokens that the actions read.
    """
    places = {INPUT: 0}
    places.update({f"{PREFIX}.layers.{layer}": layer + 1 for layer in range(layers - 1)})
    places[ENCODER] = layers - 1
    return places


class Passes:
    """Runs passes, one at a time.

    Args:
        policy: lerobot's SmolVLAPolicy.
        stacks: the spec's.
    """

    def __init__(self, policy: Any, stacks: tuple[Stack, ...]) -> None:
        self.policy = policy
        self.taps = Taps(policy.model, stacks)

    def __call__(
        self,
        inputs: Inputs,
        layout: PrefixLayout,
        wanted: Wanted,
        place: int | None,
        edit: EditTokens | None = None,
    ) -> Pass:
        """A pass.

        Args:
            inputs: of B observations.
            layout: of their words.
            wanted: whose weights to give.
            place: the language model's layer whose input tokens to give.
            edit: of these tokens, in the layout's order.

        Raises:
            PolicyError: an edit that changes the tokens' shape.
        """
        device = inputs.noise.device
        order = Order(torch.from_numpy(layout.places).to(device), layout, layout.groups[-1].stop)
        watch = Watch(QueryKeyTap(wanted), place)
        if edit is not None:
            watch.edit = lambda hidden: order.edited(hidden, edit)
        with torch.inference_mode():
            with self.taps.watching(watch):
                # lerobot changes the state in place where it adapts it to an Aloha.
                batch = {**inputs.batch, STATE: inputs.batch[STATE].clone()}
                chunk = self.policy.predict_action_chunk(batch, noise=inputs.noise)
            weights = {key: order.weights(key, raw) for key, raw in watch.tap.weights().items()}
            tokens = None if watch.tokens is None else order.tokens(watch.tokens)
        return Pass(chunk.float(), tokens, weights)


class Order:
    """From LeRobot's prefix to the layout's order and back.

    Args:
        places: the layout's, on the policy's device.
        layout: of the pass.
        size: of the layout, the chunk's actions included.
    """

    def __init__(self, places: Tensor, layout: PrefixLayout, size: int) -> None:
        self._there = places != ABSENT
        self._places = places.clamp_min(0)
        self._masked = torch.from_numpy(layout.masked).to(places.device)
        self._size = size

    def tokens(self, hidden: Tensor) -> Tensor:
        """(B, prefix, D) to (B, T, D) float32; zeros where this pass has no token."""
        here = hidden[:, self._places].float() * self._there[:, None]
        missing = self._size - here.shape[1]
        return torch.nn.functional.pad(here, (0, 0, 0, missing))

    def edited(self, hidden: Tensor, edit: EditTokens) -> Tensor:
        """(B, prefix, D) with edited tokens."""
        given = self.tokens(hidden)
        new = edit(given)
        if new.shape != given.shape:
            message = (
                f"the edit gives tokens of shape {tuple(new.shape)}: it must keep their shape "
                f"{tuple(given.shape)}"
            )
            raise PolicyError(message)
        result = hidden.clone()
        kept = new[:, : len(self._places)][:, self._there]
        result[:, self._places[self._there]] = kept.to(hidden.dtype)
        return result

    def weights(self, key: WeightKey, raw: Tensor) -> Tensor:
        """(B, heads, queries, keys) in LeRobot's order to the layout's.

        A token that none reads has a row of its own: all of its mass is on itself. LeRobot gives it
        an even one over everything, which goes nowhere.
        """
        read = raw[..., self._places] * self._there
        if key[0] == PREFIX:
            rows = read[..., self._places, :]
            own = torch.eye(len(self._places), device=raw.device)
            return torch.where(self._masked[:, None], own, rows)
        prefix = int(self._places.max()) + 1
        return torch.cat([read, raw[..., prefix:]], dim=-1)
