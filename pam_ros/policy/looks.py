# SPDX-License-Identifier: Apache-2.0
"""Whether a policy has what a look names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from pam_ros.attention.look import Look, Stack
    from pam_ros.policy.interface import PolicySpec


def check_look(spec: PolicySpec, look: Look) -> None:
    """Raise PolicyError, with what there is, for a look that the policy does not have."""
    stack = _stack(spec, look.stack, spec.stacks)
    if look.through is not None:
        _stack(spec, look.through, tuple(s for s in spec.stacks if s.kind == "self"))
    start, stop = _ends(look.queries, stack.queries)
    steps = max(1, spec.denoising_steps)
    step = -1 if look.denoising_step is None else look.denoising_step
    for wrong, what, first, last in (
        (not 0 <= look.layer < stack.layers, f"layer {look.layer}", 0, stack.layers - 1),
        (
            look.head is not None and not 0 <= look.head < stack.heads,
            f"head {look.head}",
            0,
            stack.heads - 1,
        ),
        (
            not 0 <= start < stop <= stack.queries,
            f"query {look.queries}",
            0,
            stack.queries - 1,
        ),
        (not -steps <= step < steps, f"denoising step {step}", 0, steps - 1),
    ):
        if wrong:
            message = (
                f"{spec.name}: {what} of {stack.name} is out of range: it must be from {first} "
                f"to {last}"
            )
            raise PolicyError(message)


def _stack(spec: PolicySpec, name: str, among: tuple[Stack, ...]) -> Stack:
    for stack in among:
        if stack.name == name:
            return stack
    have = ", ".join(f"{s.name} ({s.kind}, {s.layers} layers)" for s in among) or "none to show"
    message = f"{spec.name} has no attention stack {name!r} for this: it has {have}"
    raise PolicyError(message)


def _ends(queries: int | tuple[int, int] | None, count: int) -> tuple[int, int]:
    if queries is None:
        return 0, count
    return queries if isinstance(queries, tuple) else (queries, queries + 1)
