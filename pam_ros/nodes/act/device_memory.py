# SPDX-License-Identifier: Apache-2.0
"""How much memory this process takes, on the machine and on its GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_MB = 1e6


def device_memory() -> dict[str, object]:
    """For /diagnostics, in MB; a figure that this system does not tell is left out."""
    shown: dict[str, object] = {}
    try:
        resident = int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        shown["memory_mb"] = f"{resident / _MB:.0f}"
    except (OSError, ValueError, IndexError):
        pass
    # Never the one to load torch, nor to wake a GPU that nothing uses.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        shown["gpu_memory_mb"] = f"{torch.cuda.memory_allocated() / _MB:.0f}"
        shown["gpu_memory_reserved_mb"] = f"{torch.cuda.memory_reserved() / _MB:.0f}"
    return shown
