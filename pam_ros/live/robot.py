# SPDX-License-Identifier: Apache-2.0
"""What the server asks of the robot's side, which `nodes/live` gives by topics and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = {
    "attention_method": str,
    "attention_layer": int,
    "attention_head": str,
    "attention_query": str,
    "contribution_target": str,
    "overlay_scale": str,
    "overlay_alpha": float,
    "overlay_colormap": str,
}
"""Parameters of the node that a page may set, with their types: none of them moves the robot."""


class Answer(NamedTuple):
    """What came of a request: whether it was done, and a sentence.

    unknown: it is not known whether it was done, or it may yet be.
    """

    done: bool
    words: str
    unknown: bool = False


class Robot(Protocol):
    """The running robot. Nothing raises: what goes wrong is an Answer with its reason."""

    async def look(self, *, on: bool) -> None:
        """Somebody looks from now on, or nobody: then it listens to nothing."""
        ...

    async def enable(self, *, on: bool) -> Answer:
        """Let the node command the robot, or end that."""
        ...

    async def reset(self) -> Answer:
        """Start an episode."""
        ...

    async def say(self, text: str) -> Answer:
        """Tell the policy something else."""
        ...

    async def show(self, values: Mapping[str, str | int | float]) -> Answer:
        """Set parameters of SHOWN, all or none."""
        ...

    async def record(self, *, on: bool) -> Answer:
        """Begin a recording, or end it."""
        ...
