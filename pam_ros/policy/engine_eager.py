# SPDX-License-Identifier: Apache-2.0
"""The written-out pass, run as it stands: ready at once, any batch size, tokens can be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act_pass import Pass

if TYPE_CHECKING:
    from collections.abc import Collection

    from pam_ros.policy.act_graph import ActGraph
    from pam_ros.policy.act_pass import Edit, Prepared


class EagerForward:
    """Implements act_pass.Forward."""

    def __init__(self, graph: ActGraph) -> None:
        self._graph = graph

    @torch.inference_mode()
    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        edit: Edit | None = None,
    ) -> Pass:
        """The pass of any batch size; see act_pass.Forward."""
        chunk, attention, places = self._graph(*prepared, edit)
        shown = {k: self._graph.encoder_attention(k, places[k]) for k in encoder_layers}
        return Pass(chunk, attention, places, shown)
