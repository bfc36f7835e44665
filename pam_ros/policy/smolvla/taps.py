# SPDX-License-Identifier: Apache-2.0
"""Watches lerobot's SmolVLA pass: its attention, and the tokens of its prefix.

Four methods of the model are wrapped on the instance. Each calls the original with what it was
given; the attention's own implementation is asked for as before, and is never another one.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pam_ros.policy.hooks.sites import unhook
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.smolvla.layout import CROSS, JOINT, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from pam_ros.attention.look import Stack
    from pam_ros.policy.taps import QueryKeyTap

WRAPPED = ("forward_attn_layer", "forward_cross_attn_layer", "get_attention_interface")


@dataclass
class Watch:
    """What one pass is to give beside its chunk.

    Attributes:
        tap: of the attention.
        place: the language model's layer whose input tokens are kept; None: none are.
        edit: from LeRobot's prefix tokens (B, tokens, dim) there to new ones.
        tokens: (B, tokens, dim), what that layer read.
    """

    tap: QueryKeyTap
    place: int | None = None
    edit: Callable[[Tensor], Tensor] | None = None
    tokens: Tensor | None = None


@dataclass
class _Now:
    """Where a pass is."""

    layer: int = 0
    step: int = -1
    in_prefix: bool = True


@dataclass(eq=False)
class Taps:
    """The taps of one model. One pass at a time.

    Args:
        model: lerobot's VLAFlowMatching; its methods are wrapped.
        stacks: the policy's.

    Raises:
        PolicyError: the model has no such methods: another lerobot.
    """

    model: Any
    stacks: tuple[Stack, ...]
    _watch: Watch | None = None
    _now: _Now = field(default_factory=_Now)

    def __post_init__(self) -> None:
        inner = self.model.vlm_with_expert
        missing = [name for name in WRAPPED if not callable(getattr(inner, name, None))]
        if missing or not callable(getattr(self.model, "denoise_step", None)):
            message = (
                f"this lerobot's SmolVLA has no {', '.join(missing) or 'denoise_step'}: its "
                "attention cannot be read as lerobot 0.4.4 to 0.6 let it be"
            )
            raise PolicyError(message)
        numbers = {stack.name: stack.depths for stack in self.stacks}
        self._expert = {
            number: (name, index)
            for name in (CROSS, JOINT)
            for index, number in enumerate(numbers.get(name, ()))
        }
        self.model.denoise_step = self._counting(self.model.denoise_step)
        for name in WRAPPED[:2]:
            setattr(inner, name, self._entering(getattr(inner, name)))
        inner.get_attention_interface = self._noting(inner.get_attention_interface)

    @property
    def place(self) -> tuple[bool, int]:
        """Where a pass is: whether in the prefix, and the language model's layer."""
        return self._now.in_prefix, self._now.layer

    def replaced(self, pattern: Tensor) -> None:
        """The pass goes on with these weights, (B, heads, rows, keys), where it is."""
        if self._watch is not None:
            self._watch.tap.replace(self._key(), pattern)

    @contextmanager
    def watching(self, watch: Watch) -> Iterator[None]:
        """The pass inside is watched."""
        self._watch, self._now = watch, _Now()
        try:
            yield
        finally:
            self._watch = None

    def _counting(self, denoise: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def denoise_step(*args: Any, **keywords: Any) -> Tensor:
            self._now.step += 1
            return denoise(*args, **keywords)

        return denoise_step

    def _entering(self, layer: Callable[..., Any]) -> Callable[..., Any]:
        def forward(
            models: Any, embeds: list[Any], number: int, *args: Any, **keywords: Any
        ) -> Any:
            self._now.layer, self._now.in_prefix = number, embeds[0] is not None
            watch = self._watch
            if watch is not None and self._now.in_prefix and watch.place == number:
                if watch.edit is not None:
                    # The caller goes on with what is in its list, in the residual connection too.
                    embeds[0] = watch.edit(embeds[0])
                watch.tokens = embeds[0]
            return layer(models, embeds, number, *args, **keywords)

        return forward

    def _noting(self, interface: Callable[[], Any]) -> Callable[[], Any]:
        def get_attention_interface() -> Any:
            attention = interface()
            watch, key = self._watch, self._key()
            if watch is None or key not in watch.tap.wanted:
                return attention

            def noting(mask: Any, batch: int, dim: int, query: Any, keys: Any, values: Any) -> Any:
                watch.tap.note(key, query, keys, mask)
                return attention(mask, batch, dim, query, keys, values)

            return noting

        return get_attention_interface

    def _key(self) -> tuple[str, int, int]:
        now = self._now
        if now.in_prefix:
            return PREFIX, now.layer, 0
        name, index = self._expert.get(now.layer, ("", 0))
        return name, index, now.step


def untapped(policy: Any) -> Any:
    """A copy of lerobot's SmolVLAPolicy that shares its tensors and has no taps and no hooks."""
    shared = {id(tensor): tensor for tensor in (*policy.parameters(), *policy.buffers())}
    copied = copy.deepcopy(policy, shared)
    unhook(copied)
    vars(copied.model).pop("denoise_step", None)
    for name in WRAPPED:
        vars(copied.model.vlm_with_expert).pop(name, None)
    return copied
