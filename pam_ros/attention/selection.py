# SPDX-License-Identifier: Apache-2.0
"""Which of a policy's weights are shown, by method, layer, head, query and step; their maps."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.look import SINGLE, Look, Stack, StackKind
from pam_ros.attention.maps import (
    CROSS_ATTENTION,
    ENCODER_ATTENTION,
    JOINT_ATTENTION,
    MEAN_OF_STEPS,
    NO_STEP,
    ROLLOUT,
    SPATIAL_SOFTMAX,
    AttentionMaps,
    weights_maps,
)
from pam_ros.attention.rollout import rollout_maps
from pam_ros.attention.spatial import spatial_maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.look import WeightKey
    from pam_ros.policy.interface import Policy, PolicyOutput, PolicySpec

METHODS = (CROSS_ATTENTION, ENCODER_ATTENTION, ROLLOUT, JOINT_ATTENTION, SPATIAL_SOFTMAX)
"""Of a pass's own weights: attention, and the one that is none."""
ATTENTION = tuple(method for method in METHODS if method != SPATIAL_SOFTMAX)
_KINDS: dict[str, tuple[StackKind, ...]] = {
    CROSS_ATTENTION: ("cross",),
    JOINT_ATTENTION: ("joint",),
    ENCODER_ATTENTION: ("self",),
    ROLLOUT: ("cross", "joint"),
    SPATIAL_SOFTMAX: ("spatial",),
}
LAST, MEAN = "last", "mean"
"""Of the denoising steps: the last one, and all of them averaged."""
_WORDS = {
    CROSS_ATTENTION: "cross-attention",
    JOINT_ATTENTION: "joint attention",
    ENCODER_ATTENTION: "encoder layers",
    ROLLOUT: "encoder layers",
    SPATIAL_SOFTMAX: "spatial softmax",
}


@dataclass(frozen=True)
class Selection:
    """A look, and the name of the maps that are made of it.

    Attributes:
        method: one of METHODS.
        look: which weights a pass keeps.
    """

    method: str
    look: Look

    def apply_to(self, policy: Policy) -> None:
        """Have later passes of the policy hold the weights that maps() reads."""
        policy.show(self.look)

    def maps(self, output: PolicyOutput, spec: PolicySpec) -> AttentionMaps:
        """The maps of a forward pass.

        Raises:
            AttentionError: the weights are not finite, or were not asked for in time.
        """
        return self.maps_of(output.weights, spec)

    def maps_of(
        self, weights: Mapping[WeightKey, NDArray[np.float32]], spec: PolicySpec
    ) -> AttentionMaps:
        """The maps of weights by stack, layer and denoising step.

        Raises:
            AttentionError: as maps.
        """
        return replace(self._maps_of(weights, spec), denoising_step=self._denoising_step(spec))

    def step_words(self, spec: PolicySpec) -> tuple[str, ...]:
        """For sentences: which denoising step its maps are of; none where they are of none."""
        step = self._denoising_step(spec)
        if step == NO_STEP:
            return ()
        return ("mean of the steps" if step == MEAN_OF_STEPS else f"step {step}",)

    def _denoising_step(self, spec: PolicySpec) -> int:
        """As in AttentionMaps. A stack of SINGLE runs before the first of them."""
        stack = spec.stack(self.look.stack)
        if not spec.denoising_steps or stack.kind in SINGLE:
            return NO_STEP
        steps = self.look.steps(stack, spec.denoising_steps)
        return steps[0] if len(steps) == 1 else MEAN_OF_STEPS

    def _maps_of(
        self, weights: Mapping[WeightKey, NDArray[np.float32]], spec: PolicySpec
    ) -> AttentionMaps:
        look, stack = self.look, spec.stack(self.look.stack)
        steps = look.steps(stack, spec.denoising_steps)
        shown = _kept(weights, stack.name, look.layer, steps)
        if stack.kind == "spatial":
            label = stack.label(look.layer)
            return spatial_maps(label, shown, spec.layout, stack.keys, look.head)
        through = None if look.through is None else spec.stack(look.through)
        depth = 0 if through is None else stack.depth(look.layer, through)
        # A layer that reads the tokens as they come in has nothing to be carried through.
        if through is None or depth == 0:
            return weights_maps(
                self.method,
                stack.label(look.layer),
                shown,
                spec.layout,
                head=look.head,
                query=look.queries,
                keys=stack.keys,
            )
        return rollout_maps(
            {layer: _kept(weights, through.name, layer, range(1)) for layer in range(depth)},
            spec.layout,
            decoder=shown,
            head=look.head,
            query=look.queries,
            decoder_path=stack.label(look.layer),
            encoder_prefix=through.prefix,
            decoder_keys=stack.keys,
            encoder_keys=through.keys,
        )


def stack_of(method: str, spec: PolicySpec) -> Stack | None:
    """The stack whose weights a method shows: the policy's first of its kind; None: it has none."""
    kinds = _KINDS[method]
    return next((stack for stack in spec.stacks if stack.kind in kinds), None)


def methods_of(spec: PolicySpec) -> tuple[str, ...]:
    """Those of METHODS that a policy has."""
    encoder = stack_of(ENCODER_ATTENTION, spec)
    return tuple(
        method
        for method in METHODS
        if stack_of(method, spec) and (method != ROLLOUT or encoder is not None)
    )


def has_attention(spec: PolicySpec) -> bool:
    """Whether a policy has any; one without may have a map that is none."""
    return any(method in ATTENTION for method in methods_of(spec))


def why_not(method: str, spec: PolicySpec) -> str:
    """The sentence for a method of METHODS that a policy does not have, with what it has."""
    there = methods_of(spec)
    can = f"use {', '.join(there)}" if there else "it has no attention to show"
    return f"'attention_method' is '{method}': this policy has no {_WORDS[method]}; {can}"


def selection(
    method: str,
    spec: PolicySpec,
    layer: int,
    head: int | None = None,
    queries: int | tuple[int, int] | None = None,
    denoising_step: int | None = -1,
) -> Selection:
    """The selection of a method that methods_of names, of a layer, head, queries and step it has.

    denoising_step: as in Look.
    """
    stack = stack_of(method, spec)
    encoder = stack_of(ENCODER_ATTENTION, spec) if method == ROLLOUT else None
    assert stack is not None
    through = None if encoder is None else encoder.name
    return Selection(method, Look(stack.name, layer, head, queries, denoising_step, through))


def make_selection(
    method: str, layer: int, head: str, query: str, spec: PolicySpec, step: str = LAST
) -> Selection:
    """A selection as people write it.

    Args:
        method: one of METHODS.
        layer: of the encoder, or of the stack whose actions read; -1 is the last.
        head: "mean", or a head's number; of a spatial softmax a keypoint's.
        query: "mean", a number, or a range "a:b".
        spec: of the policy.
        step: of the denoising: "last", "mean" or a number from 0.

    Raises:
        AttentionError: a value that cannot be taken; the sentence begins with the parameter's name
            and says which ones can.
    """
    if method not in METHODS:
        raise AttentionError(f"'attention_method' is '{method}': use {', '.join(METHODS)}")
    there = methods_of(spec)
    stack = stack_of(method, spec)
    if method not in there or stack is None:
        raise AttentionError(why_not(method, spec))
    if not -stack.layers <= layer < stack.layers:
        raise AttentionError(
            f"'attention_layer' is {layer}: for {method} the {stack.name} has layers 0 to "
            f"{stack.layers - 1}, or -1 for the last"
        )
    chosen = None if head == "mean" else _number("attention_head", head, stack.heads)
    queries = _query(query, stack.queries)
    denoising_step = _step(step, method, stack, spec.denoising_steps)
    return selection(method, spec, layer % stack.layers, chosen, queries, denoising_step)


def _kept(
    weights: Mapping[WeightKey, NDArray[np.float32]], stack: str, layer: int, steps: range
) -> NDArray[np.float32]:
    """A layer's weights (heads, queries, keys), averaged over the denoising steps."""
    keys = [(stack, layer, step) for step in steps]
    if any(key not in weights for key in keys):
        raise AttentionError(f"this pass kept no weights of {stack} layers {[layer]}")
    found = [weights[key] for key in keys]
    return found[0] if len(found) == 1 else np.mean(found, axis=0, dtype=np.float32)


def _query(text: str, queries: int) -> int | tuple[int, int] | None:
    if text == "mean":
        return None
    if ":" not in text:
        return _number("attention_query", text, queries)
    start_text, _, stop_text = text.partition(":")
    start = _number("attention_query", start_text, queries)
    stop = _number("attention_query", stop_text, queries + 1)
    if stop <= start:
        raise AttentionError(
            f"'attention_query' is '{text}': the range is empty; write a:b with "
            f"0 <= a < b <= {queries}"
        )
    return start, stop


def _step(text: str, method: str, stack: Stack, steps: int) -> int | None:
    """As in Look; "last" of a stack that no step repeats."""
    if text == LAST:
        return -1
    once = "this policy makes its chunk at once, without denoising steps" if not steps else ""
    if steps and stack.kind in SINGLE:
        once = f"{method} is made once, before the denoising steps"
    if once:
        raise AttentionError(f"'attention_step' is '{text}': {once}; use \"{LAST}\"")
    return None if text == MEAN else _number("attention_step", text, steps)


def _number(name: str, text: str, end: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) >= end:
        first = f'"{LAST}", "{MEAN}"' if name == "attention_step" else f'"{MEAN}"'
        example = ' or a range "a:b"' if name == "attention_query" else ""
        raise AttentionError(
            f"'{name}' has '{text}': use {first}, a number from 0 to {end - 1}{example}"
        )
    return int(text)
