# SPDX-License-Identifier: Apache-2.0
"""Whether transformers tells the vision tower where its patches are.

transformers 4.57 computes a patch's number from fractions in the tower's own precision. In float32
they fall just below the boundaries that they should meet, and all but one patch get the position
of the neighbour to the left or above; in bfloat16 most sizes come out right. 5.x has it right.
A policy that was trained that way works that way: its actions are lerobot's own, and stay so.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)


@contextmanager
def checked_positions(name: str, vision: Any) -> Iterator[None]:
    """Warn if the pass inside gives patches wrong positions.

    Args:
        name: the policy's.
        vision: the vision tower of its model.
    """
    embedding = vision.embeddings.position_embedding
    seen: list[torch.Tensor] = []

    def note(_module: Any, args: tuple[torch.Tensor, ...]) -> None:
        seen.append(args[0])

    handle = embedding.register_forward_pre_hook(note)
    try:
        yield
    finally:
        handle.remove()
    if seen:
        _warn(name, seen[0][0], embedding.weight.dtype)


def wrong_positions(found: torch.Tensor) -> int:
    """How many patches of a picture of full size have another's position.

    Args:
        found: (patches,) the position that each patch is given. All of them differ where they are
            right, also in a table for a larger picture, whose rows are longer.
    """
    if len(set(found.tolist())) == len(found):
        return 0
    return int((found != torch.arange(len(found), device=found.device)).sum())


def _warn(name: str, found: torch.Tensor, dtype: torch.dtype) -> None:
    import transformers  # noqa: PLC0415  (of an extra)

    count = wrong_positions(found)
    if not count:
        return
    logger.warning(
        "%s: transformers %s gives %d of its vision tower's %d patches the position of a "
        "neighbour, since the tower is %s (transformers#41190). Actions are lerobot's own with "
        "this transformers; a policy that was trained with another one, or in bfloat16, moves "
        "otherwise here than it did there",
        name,
        transformers.__version__,
        count,
        len(found),
        str(dtype).removeprefix("torch."),
    )
