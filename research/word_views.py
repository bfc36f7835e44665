# SPDX-License-Identifier: Apache-2.0
"""The views of a policy that reads words: every stack, layer, head and denoising step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pam_ros.attention.look import SINGLE
from pam_ros.attention.maps import ENCODER_ATTENTION
from pam_ros.attention.selection import METHODS, methods_of, selection, stack_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pam_ros.attention.look import Look
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import PolicySpec

ONCE, ALL_STEPS = -1, -2
"""In place of a denoising step: of what runs before the first of them; the mean over all."""
EVERYTHING, WORDS, STATE = "mean", "words", "joint state"
"""Which tokens of a prefix read: all of them, those of the instruction, or the joint state's."""


class View(NamedTuple):
    """One way to look, of any instruction.

    Attributes:
        method: as attention_method takes it, or what else makes a map.
        layer: from 0.
        head: None for the mean over all.
        step: of denoising, from 0, or ONCE or ALL_STEPS.
        query: which tokens read, of a prefix.
    """

    method: str
    layer: int = -1
    head: int | None = None
    step: int = ONCE
    query: str = EVERYTHING

    def __str__(self) -> str:
        if self.layer < 0:
            return self.method
        head = "mean over heads" if self.head is None else f"head {self.head}"
        parts = [f"{self.method}, layer {self.layer}", head]
        if self.step != ONCE:
            parts.append("mean over steps" if self.step == ALL_STEPS else f"step {self.step}")
        if self.query != EVERYTHING:
            parts.append(f"read by {self.query}")
        return ", ".join(parts)


def views_of(spec: PolicySpec) -> list[View]:
    """All that weights of a pass show: each stack, and rollout through the prefix."""
    found = []
    for method in methods_of(spec):
        stack = stack_of(method, spec)
        assert stack is not None
        single = stack.kind in SINGLE or not spec.denoising_steps
        steps = (ONCE,) if single else (*range(spec.denoising_steps), ALL_STEPS)
        queries = _queries(spec) if method == ENCODER_ATTENTION else (EVERYTHING,)
        found += [
            View(method, layer, head, step, query)
            for layer in range(stack.layers)
            for head in (None, *range(stack.heads))
            for step in steps
            for query in queries
        ]
    return found


def node_shows(view: View) -> bool:
    """Whether parameters of the node choose it, whatever the words."""
    return view.method in METHODS and view.query != WORDS


def selection_of(view: View, spec: PolicySpec) -> Selection:
    """The selection, for the instruction that the spec is of."""
    chosen = selection(view.method, spec, view.layer, view.head, _tokens(view.query, spec))
    step = None if view.step == ALL_STEPS else view.step
    return replace(chosen, look=replace(chosen.look, denoising_step=step))


def looks_for(views: Iterable[View], spec: PolicySpec) -> list[Look]:
    """What a pass has to keep for all of these."""
    wanted = {}
    for view in views:
        look = replace(selection_of(view, spec).look, head=None, queries=None, denoising_step=None)
        wanted[look.stack, look.layer, look.through] = look
    return list(wanted.values())


def parameters(view: View, spec: PolicySpec) -> str:
    """How to have the node show it, and what it has no parameter for."""
    if view.method not in METHODS:
        return f"attention_method: {view.method}"
    head = "mean" if view.head is None else str(view.head)
    said = (
        f'attention_method: {view.method}, attention_layer: {view.layer}, attention_head: "{head}"'
    )
    if view.query == STATE:
        tokens = _tokens(view.query, spec)
        assert isinstance(tokens, tuple)
        said += f', attention_query: "{tokens[0]}"'
    if view.step not in (ONCE, spec.denoising_steps - 1):
        step = "mean" if view.step == ALL_STEPS else str(view.step)
        said += f', attention_step: "{step}"'
    if node_shows(view):
        return said
    return f"{said} come nearest; there is no parameter for the rest of it"


def _queries(spec: PolicySpec) -> tuple[str, ...]:
    there = {WORDS: "language", STATE: "joint_state"}
    kinds = {group.kind for group in spec.layout.groups}
    return (EVERYTHING, *(name for name, kind in there.items() if kind in kinds))


def _tokens(query: str, spec: PolicySpec) -> tuple[int, int] | None:
    """The range of rows of the prefix's weights that a query names."""
    if query == EVERYTHING:
        return None
    (group,) = spec.layout.of_kind("language" if query == WORDS else "joint_state")
    stack = stack_of(ENCODER_ATTENTION, spec)
    assert stack is not None
    return group.start - stack.keys[0], group.stop - stack.keys[0]
