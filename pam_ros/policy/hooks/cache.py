# SPDX-License-Identifier: Apache-2.0
"""The activations of a pass, and how they take the place of another pass's."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch

from pam_ros.policy.hooks.points import HEADS
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from pam_ros.policy.hooks.points import Here, Hook, HookPoint


_NO_ROWS = ("channels", "dim")


class ActivationCache(Mapping[str, "Tensor"]):
    """Activations by name, as copies that nothing else changes: what it gives is yours to edit.

    A tensor has the axes of its hook point. One of several denoising steps has them in front:
    `cache["expert.0.attn"]` is (steps, B, ...).

    Args:
        points: whose activations the passes are to fill in.
    """

    def __init__(self, points: Mapping[str, HookPoint]) -> None:
        self._points = dict(points)
        self._kept: dict[str, list[Tensor]] = {}

    def hooks(self) -> list[tuple[str, Hook]]:
        """What fills it in; a further pass begins it anew."""
        return [(name, self._keep) for name in self._points]

    def __getitem__(self, name: str) -> Tensor:
        kept = self._of(name)
        return torch.stack(kept) if self._points[name].steps > 1 else kept[0].clone()

    def __contains__(self, name: object) -> bool:
        return name in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def at(self, name: str, step: int) -> Tensor:
        """An activation (B, ...) at a denoising step, from 0."""
        kept = self._of(name)
        if not 0 <= step < len(kept):
            message = f"{name} has no step {step}: it must be from 0 to {len(kept) - 1}"
            raise PolicyError(message)
        return kept[step].clone()

    def replacing(self, name: str, rows: Sequence[int] | int | None = None) -> Hook:
        """A hook that puts these activations in the place of a pass's.

        Args:
            name: of the point.
            rows: which of its tokens, actions or cells, or which heads of HEADS and PATTERN; one of
                them by its number; None for all.

        Raises:
            PolicyError: it was not cached, or its second axis has channels and no rows.
        """
        self._of(name)
        axis = self._points[name].axes[1]
        if rows is not None and axis in _NO_ROWS:
            message = f"{name} has no rows, its second axis is {axis}: leave rows out for it"
            raise PolicyError(message)
        chosen = None if rows is None else numbers_of(rows, "rows")

        def patch(activation: Tensor, here: Here) -> Tensor:
            other = self.at(name, here.step).to(activation)
            if other.shape != activation.shape:
                message = (
                    f"{name} is {tuple(activation.shape)} in this pass and {tuple(other.shape)} "
                    "in the cache: the observations must have as many tokens"
                )
                raise PolicyError(message)
            if chosen is None:
                return other
            _check_rows(name, chosen, activation.shape[1])
            new = activation.clone()
            new[:, chosen] = other[:, chosen]
            return new

        return patch

    def __repr__(self) -> str:
        size = sum(one.nbytes for kept in self._kept.values() for one in kept)
        first = ", ".join(list(self._kept)[:4]) + (", ..." if len(self._kept) > 4 else "")
        return f"<{len(self._kept)} activations, {size / 2**20:.1f} MiB: {first}>"

    def _keep(self, activation: Tensor, here: Here) -> None:
        if here.step == 0:
            self._kept[here.name] = []
        # A hook is given a copy of its own.
        self._kept[here.name].append(activation.detach())

    def _of(self, name: str) -> list[Tensor]:
        if name not in self._kept:
            shown = ", ".join(self._kept) or "nothing"
            raise PolicyError(f"{name!r} is not cached: the cache has {shown}")
        return self._kept[name]


def ablating(name: str, heads: Sequence[int], value: str = "zero") -> Hook:
    """A hook that takes heads out at a point of HEADS: they give zeros, or the tokens' mean.

    Raises:
        PolicyError: no such value.
    """
    if value not in {"zero", "mean"}:
        message = f"value {value!r} is unknown: heads are ablated to 'zero' or 'mean'"
        raise PolicyError(message)

    def ablate(activation: Tensor, _here: Here) -> Tensor:
        _check_rows(name, heads, activation.shape[1])
        new = activation.clone()
        chosen = activation[:, list(heads)]
        new[:, list(heads)] = chosen.mean(2, keepdim=True) if value == "mean" else 0.0
        return new

    return ablate


def heads_of(points: Mapping[str, HookPoint], attention: str) -> HookPoint:
    """The point with the heads of an attention, which may be named by itself or by its layer.

    Raises:
        PolicyError: it is no attention, or there is none.
    """
    for name in (attention, f"{attention}{HEADS}", f"{attention}.attn{HEADS}"):
        if name in points and points[name].heads and name.endswith(HEADS):
            return points[name]
    there = [name.removesuffix(HEADS) for name in points if name.endswith(HEADS)]
    if not there:
        raise PolicyError("this policy has no attention, and so no heads to ablate")
    message = f"{attention!r} is no attention with heads: use {', '.join(there)}"
    raise PolicyError(message)


def numbers_of(given: Sequence[int] | int, what: str) -> list[int]:
    """Several numbers, or a single one, as a list.

    Raises:
        PolicyError: they are no whole numbers; `what` says which.
    """
    try:
        return [operator.index(one) for one in (given if isinstance(given, Iterable) else (given,))]
    except TypeError as error:
        message = f"{what} is {given!r}: it must be a whole number or several, such as [0, 2]"
        raise PolicyError(message) from error


def _check_rows(name: str, rows: Sequence[int], count: int) -> None:
    for row in rows:
        if not -count <= row < count:
            message = f"{name} has no number {row}: it must be from 0 to {count - 1}"
            raise PolicyError(message)
