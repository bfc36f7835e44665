# SPDX-License-Identifier: Apache-2.0
"""One tick's hidden activations as a TokenActivations. The message is duck-typed.

The live node and the replay of a recording run this same code.
"""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.halves import all_finite, to_halves
from pam_ros.tick.attention_map import short_name

if TYPE_CHECKING:
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.sae.store.tokens import Sampler, TokenTable
    from pam_ros.tick.loop import TickOutcome


def fill_tokens(
    message: Any,
    outcome: TickOutcome,
    spec: PolicySpec,
    layer: str,
    sampler: Sampler,
    table: TokenTable,
) -> None:
    """Fill the tokens of one tick, also of one without: its number tells that none was lost.

    Args:
        message: a pam_ros/msg/TokenActivations, empty but for its header.
        outcome: of the tick; where it has tokens, (tokens, dim) float32.
        spec: of the policy.
        layer: whose tokens they are.
        sampler: which of them become rows.
        table: what each of the policy's tokens stands for.
    """
    message.episode, message.tick = outcome.episode, outcome.tick
    message.policy_name = short_name(spec.name)
    message.policy_sha256 = spec.sha256
    message.layer, message.sampler = layer, str(sampler)
    message.camera_names = list(table.camera_names)
    output = outcome.output
    if output is None or output.tokens is None:
        message.invalid_reason = outcome.invalid_reason or "this tick has no tokens"
        return
    try:
        rows, chosen = sampler.sample(output.tokens, table, output.step, episode=outcome.episode)
    except SaeError as error:
        message.invalid_reason = str(error)
        return
    halves = to_halves(rows)
    message.tokens, message.width = halves.shape
    message.block_rows, message.block_cols = chosen.block_rows, chosen.block_cols
    for field, code, dtype in _COLUMNS:
        column = np.ascontiguousarray(getattr(chosen, field), dtype=dtype)
        setattr(message, field, array.array(code, column.tobytes()))
    message.valid = all_finite(halves)
    if message.valid:
        message.data = array.array("H", halves.tobytes())
    else:
        message.invalid_reason = f"an activation of layer {layer} is not finite in 16-bit floats"


_COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("token", "I", np.uint32),
    ("kind", "B", np.uint8),
    ("camera", "h", np.int16),
    ("row", "h", np.int16),
    ("col", "h", np.int16),
)
