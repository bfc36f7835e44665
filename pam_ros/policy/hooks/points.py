# SPDX-License-Identifier: Apache-2.0
"""Hook points: what of a pass has a name, and which names a pattern means."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from torch import Tensor

    Hook = Callable[[Tensor, "Here"], Tensor | None]
    Names = str | Iterable[str] | Callable[[str], bool] | None

HEADS, PATTERN = ".heads", ".pattern"
"""Of an attention: what each head gives, and its weights."""


@dataclass(frozen=True)
class HookPoint:
    """An activation that has a name.

    Attributes:
        name: such as "encoder.0.attn".
        axes: of its tensor, the batch first.
        steps: how often a pass computes it: 1, or the number of denoising steps.
        heads: of an attention's HEADS and PATTERN; else 0.
    """

    name: str
    axes: tuple[str, ...]
    steps: int = 1
    heads: int = 0

    def __repr__(self) -> str:
        often = f", {self.steps} steps" if self.steps > 1 else ""
        return f"<{self.name} ({', '.join(self.axes)}){often}>"


@dataclass(frozen=True)
class Here:
    """Where a hook is called: the point's name, and which denoising step, from 0."""

    name: str
    step: int = 0


def matching(points: Mapping[str, HookPoint], names: Names) -> tuple[str, ...]:
    """The names of points that are meant, in the points' order.

    Args:
        points: of the policy.
        names: one or several, with * and ? as in file names; a function that says whether; or None
            for all.

    Raises:
        PolicyError: a name or pattern is none of them.
    """
    if names is None:
        return tuple(points)
    if callable(names):
        return tuple(name for name in points if names(name))
    patterns = (names,) if isinstance(names, str) else tuple(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in points):
            raise PolicyError(no_such_point(points, pattern))
    return tuple(name for name in points if any(fnmatchcase(name, one) for one in patterns))


def no_such_point(points: Collection[str], name: str) -> str:
    """The sentence for a name that is none, with those that begin alike."""
    first = name.split(".", maxsplit=1)[0]
    alike = [one for one in points if one.split(".")[0] == first] or list(points)
    shown = ", ".join(alike[:8]) + (", ..." if len(alike) > 8 else "")
    return f"there is no activation {name!r}: hook_points has {shown}"
