# SPDX-License-Identifier: Apache-2.0
"""Hook points of SmolVLA, in lerobot's own modules.

    vision.CAMERA         (B, cells, dim), a camera's tokens as the connector gives them
    prefix.K.attn         what layer K of the language model adds; .pattern its weights, .heads each
                          head's; rows are pictures, words and joint state in lerobot's order
    prefix.K.mlp
    expert.K.attn, expert.K.mlp
                          the same of the chunk's actions, in every denoising step; K is that of the
                          language model's layer beside which the expert's layer runs
    actions               (B, chunk, max_action_dim), the predicted velocity in every step

An attention's own implementation runs where nobody is inside of it. Where somebody is, it is
written out as lerobot's eager one is, operation by operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from pam_ros.policy.hooks.points import HEADS, PATTERN, HookPoint
from pam_ros.policy.hooks.sites import Counter, InputSite, OutputSite
from pam_ros.policy.short_names import short_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from pam_ros.policy.hooks.sites import Passes, Remove, Site, Visitor
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.policy.smolvla.taps import Taps

Part = Literal["prefix", "expert"]


def smolvla_sites(policy: Any, taps: Taps, spec: PolicySpec) -> Iterator[Site]:
    """Every site of lerobot's SmolVLAPolicy, in the order of its pass.

    Args:
        policy: lerobot's.
        taps: which know the layer that a pass is in.
        spec: the policy's.
    """
    inner = policy.model.vlm_with_expert
    vlm, expert = inner.get_vlm_model(), inner.lm_expert
    # Slots of empty cameras come after those of the cameras, and are embedded as well.
    slots = len(spec.cameras) + int(policy.config.empty_cameras or 0)
    names = short_names(camera.feature for camera in spec.cameras)
    for number, camera in enumerate(spec.cameras):
        point = HookPoint(f"vision.{names[camera.feature]}", ("batch", "cells", "dim"))
        yield OutputSite(point, vlm.connector, calls=slots, call=number)
    for number, layer in enumerate(vlm.text_model.layers):
        yield from _layer("prefix", number, layer, inner, taps, 1)
    every = max(len(vlm.text_model.layers) // max(len(expert.layers), 1), 1)
    for number, layer in enumerate(expert.layers):
        yield from _layer("expert", number * every, layer, inner, taps, spec.denoising_steps)
    point = HookPoint("actions", ("batch", "chunk", "action"), spec.denoising_steps)
    yield OutputSite(point, policy.model.action_out_proj)


def _layer(
    part: Part, number: int, layer: Any, inner: Any, taps: Taps, steps: int
) -> Iterator[Site]:
    name, rows = f"{part}.{number}", "tokens" if part == "prefix" else "chunk"
    attention, heads = layer.self_attn, int(inner.num_attention_heads)
    yield PatternSite(
        HookPoint(f"{name}.attn{PATTERN}", ("batch", "heads", rows, "keys"), steps, heads),
        *(inner, taps, part, number),
    )
    by_head = _ByHead(heads)
    yield InputSite(
        HookPoint(f"{name}.attn{HEADS}", ("batch", "heads", rows, "head_dim"), steps, heads),
        *(attention.o_proj, by_head.read, by_head.write),
    )
    yield OutputSite(HookPoint(f"{name}.attn", ("batch", rows, "dim"), steps), attention.o_proj)
    yield OutputSite(HookPoint(f"{name}.mlp", ("batch", rows, "dim"), steps), layer.mlp)


class _ByHead:
    """(B, rows, heads * dim), as they are joined, as (B, heads, rows, dim)."""

    def __init__(self, heads: int) -> None:
        self._heads = heads

    def read(self, joined: Tensor) -> Tensor:
        """By head."""
        batch, rows, width = joined.shape
        return joined.view(batch, rows, self._heads, width // self._heads).transpose(1, 2)

    def write(self, _old: Tensor, new: Tensor) -> Tensor:
        """Joined again."""
        return new.transpose(1, 2).flatten(2)


@dataclass(frozen=True, eq=False)
class PatternSite:
    """The weights of one layer's attention, (B, heads, rows, keys).

    Attributes:
        point: its name and form.
        inner: lerobot's two language models; what gives an attention is wrapped on it meanwhile.
        taps: which know where a pass is.
        part, number: whose layer it is.
    """

    point: HookPoint
    inner: Any
    taps: Taps
    part: Part
    number: int

    def attach(self, visit: Visitor, passes: Passes) -> Remove:
        """See hooks.sites.Site."""
        counter = Counter(passes)

        def counted(pattern: Tensor) -> Tensor:
            return visit(pattern, counter.next() % self.point.steps)

        written = vars(self.inner).get("get_attention_interface")
        if not isinstance(written, _WrittenOut):
            written = _WrittenOut(written or self.inner.get_attention_interface, self.taps)
            self.inner.get_attention_interface = written
        visitors = written.visitors.setdefault((self.part == "prefix", self.number), [])
        visitors.append(counted)

        def remove() -> None:
            visitors.remove(counted)
            if not any(written.visitors.values()):
                self.inner.get_attention_interface = written.interface

        return remove


class _WrittenOut:
    """Takes the place of what gives an attention, for all patterns that somebody visits.

    Attributes:
        interface: what gave it before.
        taps: which know where a pass is, and are told of weights that a visitor replaced.
        visitors: by whether they are of the prefix, and the layer, in the order that they came.
    """

    def __init__(self, interface: Callable[[], Any], taps: Taps) -> None:
        self.interface, self.taps = interface, taps
        self.visitors: dict[tuple[bool, int], list[Callable[[Tensor], Tensor]]] = {}

    def __call__(self) -> Any:
        """The attention of the layer that the pass is in."""
        attention, visitors = self.interface(), self.visitors.get(self.taps.place)
        if not visitors:
            return attention

        def written_out(mask: Any, batch: int, dim: int, *states: Tensor) -> Tensor:
            # For the taps, which note what an attention is given.
            attention(mask, batch, dim, *states)
            own, values = weights(mask, dim, *states)
            pattern = own
            for visit in visitors:
                pattern = visit(pattern)
            if pattern is not own:
                self.taps.replaced(pattern)
            output = torch.matmul(pattern, values.permute(0, 2, 1, 3))
            return output.permute(0, 2, 1, 3).flatten(2)

        return written_out


def weights(
    mask: Tensor, dim: int, query: Tensor, key: Tensor, value: Tensor
) -> tuple[Tensor, Tensor]:
    """An attention's weights (B, heads, rows, keys), and the values of each head.

    Args:
        mask: (B, rows, keys) bool, True where a row reads a key.
        dim: of a head.
        query: (B, rows, heads, dim).
        key: (B, keys, key heads, dim), each of which serves heads / key heads neighbouring heads.
        value: likewise.
    """
    groups = query.shape[2] // key.shape[2]
    key, value = (each.repeat_interleave(groups, dim=2) for each in (key, value))
    query, key = (each.float().transpose(1, 2) for each in (query, key))
    scores = torch.matmul(query, key.transpose(2, 3)) * dim**-0.5
    lowest = torch.finfo(scores.dtype).min
    pattern = torch.where(mask[:, None], scores, lowest).softmax(dim=-1)
    return pattern.to(value.dtype), value
