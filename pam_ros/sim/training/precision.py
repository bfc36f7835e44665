# SPDX-License-Identifier: Apache-2.0
"""Whether to compute a training step in bfloat16."""

from __future__ import annotations

import torch


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16. Without them float32 is much faster."""
    if device.type != "cpu":
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  (no public name)
