# SPDX-License-Identifier: Apache-2.0
"""Noise that depends on what a pass is, and on nothing that ran before it.

A policy that draws noise from torch's global generator moves otherwise once somebody runs a pass
more to explain something. Here each pass has a generator of its own, made of a seed, an episode, a
step and a stream, so that a pass more shifts nothing, and a tick can be computed again later.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Stream = Literal["commands", "explaining", "observation"]
"""Whose noise: of passes whose chunk may move the robot, of passes that only explain, and of passes
that belong to no step, such as those of a batch."""


def noise_generator(seed: int, episode: int, step: int, stream: Stream) -> torch.Generator:
    """A generator on the CPU, always in the same state for the same four.

    Draw on the CPU and move the result: a GPU's generator gives other numbers.

    Args:
        seed: the policy's.
        episode: its number.
        step: since the episode began.
        stream: passes of one step that shall differ have different ones.
    """
    return _seeded(hashlib.sha256(f"{seed}/{episode}/{step}/{stream}".encode()))


def observation_noise_generator(
    seed: int, observation: Mapping[str, NDArray[np.generic]]
) -> torch.Generator:
    """A generator on the CPU for a pass that belongs to no step: the same for the same observation.

    Args:
        seed: the policy's.
        observation: one array per feature; their order does not matter.
    """
    digest = hashlib.sha256(f"{seed}/observation".encode())
    for feature in sorted(observation):
        array = np.ascontiguousarray(observation[feature])
        digest.update(f"/{feature} {array.dtype} {array.shape}/".encode())
        digest.update(array.data)
    return _seeded(digest)


def _seeded(digest: hashlib._Hash) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest.digest()[:8], "little") >> 1)
