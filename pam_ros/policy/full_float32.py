# SPDX-License-Identifier: Apache-2.0
"""float32 that is float32: TF32, which keeps 10 of its 23 bits, turned off for a while.

PyTorch has one switch for the whole process, not one per thread. Convolutions take TF32 by default.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_changed: list[tuple[Any, str, object]] = []


@contextmanager
def full_float32() -> Iterator[None]:
    """No TF32 inside; afterwards the switches are as they were.

    Only a switch that is on is touched: where the caller allows no TF32, nothing changes for
    anybody. Where it is on, whatever other threads compute on the GPU meanwhile is in full float32
    as well, slower and no less exact. Contexts of several threads may overlap: the first one in
    turns TF32 off, the last one out turns it on again.
    """
    global _inside  # noqa: PLW0603  (it is the process' state that is counted)
    with _lock:
        if _inside == 0:
            _changed.extend(_turn_off())
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                while _changed:
                    switches, name, before = _changed.pop()
                    setattr(switches, name, before)


def _turn_off() -> list[tuple[Any, str, object]]:
    """What was changed, with its value before."""
    backends: Any = torch.backends
    switches: list[tuple[Any, str, object]] = [
        (backends.cudnn, "allow_tf32", False),
        (backends.cuda.matmul, "allow_tf32", False),
    ]
    try:
        before = [getattr(where, name) for where, name, _ in switches]
    except RuntimeError:
        # The caller has used PyTorch's newer switches, after which the older ones are refused.
        switches = [
            (backends.cudnn.conv, "fp32_precision", "ieee"),
            (backends.cuda.matmul, "fp32_precision", "ieee"),
        ]
        before = [getattr(where, name) for where, name, _ in switches]
    changed = []
    for (where, name, off), value in zip(switches, before, strict=True):
        if value != off:
            setattr(where, name, off)
            changed.append((where, name, value))
    return changed
