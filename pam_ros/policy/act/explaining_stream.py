# SPDX-License-Identifier: Apache-2.0
"""What only explains has a CUDA stream of its own: no kernel of a command queues up behind it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

LOWEST = 0
"""Of the priorities that PyTorch gives streams; the others are negative."""


@contextmanager
def explaining_stream(device: str) -> Iterator[None]:
    """Kernels that this thread launches inside wait only for what it has launched before.

    Other threads' current stream is as it was: theirs wait for none of these, but share the
    device. The end waits for the kernels, so that their results may be read in any stream. For
    other devices than CUDA it does nothing.
    """
    on = torch.device(device)
    if on.type != "cuda":
        yield
        return
    stream = _stream(on)
    # Weights and inputs may still be on their way there.
    stream.wait_stream(torch.cuda.current_stream(on))
    with torch.cuda.stream(stream):
        yield
    stream.synchronize()


@lru_cache(maxsize=16)
def _stream(device: torch.device) -> Any:
    return torch.cuda.Stream(device, priority=LOWEST)  # type: ignore[no-untyped-call]
