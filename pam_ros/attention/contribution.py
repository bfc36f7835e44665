# SPDX-License-Identifier: Apache-2.0
"""What is asked of a contribution: which parts of the inputs made the chunk what it is.

A contribution is a gradient times the way from a baseline, as of integrated gradients, at one point
of the way or few, so that each tick can have it.

The target `change` is what is new in the plan. Step i of a chunk of tick t and step i + n of the
chunk of tick t - n are predictions of the same moment, t + i. Their difference over all moments
that both have is a direction in the space of chunks, zero at the other steps; the target is the
chunk along it, as `chunk` is along the difference from the baseline's. n is 1 where each tick has a
pass. Where no tick of the episode had a pass before, or too long ago for a common moment, `chunk`
stands in, and the map says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pam_ros.attention.attribution import CHUNK, CONTRIBUTION, Target
from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

CELL = 16
"""Side of a cell [pixels]: half of what a ResNet's tokens have."""


@dataclass(frozen=True, eq=False)
class Before:
    """What an earlier tick of the episode predicted.

    chunk: (chunk_size, action_dim) float32, in the policy's units. ticks: how many ticks ago, 1 or
    more.
    """

    chunk: NDArray[np.float32]
    ticks: int


@dataclass(frozen=True)
class ContributionRequest:
    """A method of CONTRIBUTIONS and what it needs.

    Attributes:
        method: "contribution", of the pictures' pixels, or "token_contribution", of the tokens that
            the encoder reads.
        target: what is explained.
        baseline: of `contribution`: what the pictures are compared with, one of
            CONTRIBUTION_BASELINES. That of `token_contribution` is each token's mean over
            observations.
        points: on the way from the baseline, at which gradients are computed.
        cell: side of the cells on which `contribution` is shown [pixels].
        complete: also compute what needs passes of its own: what each camera and each group of
            other tokens did, and what the cells' sum should be.
        joints: the names of an action's joints, for the target's label.
        episode: of the observation; the baseline `running` begins anew with each.
        pictures: of the baseline CUSTOM_BASELINE: (H, W, 3) uint8 RGB of the policy's size for each
            camera's feature.
        at_once: by what needs no compiling, where nothing is compiled yet: for a single look.
        before: what the target `change` is measured from; None if there is nothing.
        also: further targets, explained on the same way: each costs a backward pass of its own.
    """

    method: str = CONTRIBUTION
    target: Target = CHUNK
    baseline: str = "blur"
    points: int = 1
    cell: int = CELL
    complete: bool = False
    joints: tuple[str, ...] = ()
    also: tuple[Target, ...] = ()
    before: Before | None = None
    episode: int = -1
    pictures: Mapping[str, NDArray[np.uint8]] | None = field(default=None, compare=False)
    at_once: bool = False


def parse_target(text: str, joints: Sequence[str], chunk_size: int) -> Target:
    """A target as people write it: chunk, gripper, chunk[3], gripper[0:10], change.

    Raises:
        AttentionError: there is no such joint or step; the sentence says which ones there are.
    """
    found = re.fullmatch(r"(.+?)(?:\[(\d{1,6})(?::(\d{1,6}))?\])?", text.strip())
    name = found[1] if found else ""
    step = int(found[2]) if found and found[2] else None
    stop = int(found[3]) if found and found[3] else None
    joint = list(joints).index(name) if name in joints else None
    change = joint is None and name == "change"
    there = name == "chunk" or change or joint is not None
    if step is not None:
        last = step + 1 if stop is None else stop
        there = there and step < last <= chunk_size
    if not there:
        message = (
            f"target '{text}' is none of this policy's: use chunk, change or a joint of "
            f"{', '.join(joints)}, alone or with a step [0] to [{chunk_size - 1}] or steps [a:b]"
        )
        raise AttentionError(message)
    return Target(joint, step, stop, change)
