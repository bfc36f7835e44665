# SPDX-License-Identifier: Apache-2.0
"""A tick's hidden activations as TokenActivations, the same in the live node and in a replay."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.halves import all_finite, to_halves
from pam_ros.sae.store.tokens import token_table
from pam_ros.tick.attention_map import short_name

if TYPE_CHECKING:
    from pam_ros.attention.layout import TokenLayout
    from pam_ros.message_types.pam_ros import TokenActivations
    from pam_ros.message_types.std_msgs import Header
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.sae.store.tokens import Sampler, TokenTable
    from pam_ros.tick.loop import TickOutcome
    from pam_ros.tick.port import MessagePort

_TYPE = "pam_ros/msg/TokenActivations"


class TokenMaker:
    """Makes the TokenActivations of one layer of one policy.

    Args:
        port: makes empty messages.
        spec: of the policy.
        layer: whose tokens they are.
        sampler: which of them become rows.
    """

    def __init__(self, port: MessagePort, spec: PolicySpec, layer: str, sampler: Sampler) -> None:
        self._port = port
        self._spec = spec
        self._layer = layer
        self._sampler = sampler
        self._known = spec.layout, token_table(spec.layout)

    def make(self, outcome: TickOutcome, header: Header, layout: TokenLayout | None = None) -> Any:
        """The tokens of one tick, also of one without: its number tells that none was lost.

        Args:
            outcome: of the tick; if it has tokens, (tokens, dim) float32.
            header: that of the tick's AttentionMap.
            layout: of the policy at this tick, which words may change; None: as it was first.
        """
        table = self._table(layout)
        message: TokenActivations = self._port.new(_TYPE)
        message.header = header
        message.episode, message.tick = outcome.episode, outcome.tick
        message.policy_name = short_name(self._spec.name)
        message.policy_sha256 = self._spec.sha256
        message.layer, message.sampler = self._layer, str(self._sampler)
        message.camera_names = list(table.camera_names)
        message.invalid_reason = self._fill_rows(message, outcome, table)
        message.valid = not message.invalid_reason
        return message

    def _table(self, layout: TokenLayout | None) -> TokenTable:
        known = self._known
        if layout is not None and layout is not known[0]:
            self._known = known = layout, token_table(layout)
        return known[1]

    def _fill_rows(self, message: TokenActivations, outcome: TickOutcome, table: TokenTable) -> str:
        """Fill the rows; why that cannot be, empty if it could."""
        output = outcome.output
        if output is None or output.tokens is None:
            return outcome.invalid_reason or "this tick has no tokens"
        try:
            rows, chosen = self._sampler.sample(
                output.tokens, table, output.step, episode=outcome.episode
            )
        except SaeError as error:
            return str(error)
        halves = to_halves(rows)
        message.tokens, message.width = halves.shape
        message.block_rows, message.block_cols = chosen.block_rows, chosen.block_cols
        for field, code, dtype in _COLUMNS:
            column = np.ascontiguousarray(getattr(chosen, field), dtype=dtype)
            setattr(message, field, array.array(code, column.tobytes()))
        if not all_finite(halves):
            return f"an activation of layer {self._layer} is not finite in 16-bit floats"
        message.data = array.array("H", halves.tobytes())
        return ""


_COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("token", "I", np.uint32),
    ("kind", "B", np.uint8),
    ("camera", "h", np.int16),
    ("row", "h", np.int16),
    ("col", "h", np.int16),
)
