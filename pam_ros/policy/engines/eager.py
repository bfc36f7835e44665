# SPDX-License-Identifier: Apache-2.0
"""The written-out pass, run as it stands: ready at once, any batch size, tokens can be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act.passes import Pass

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.passes import Edit, Prepared


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
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of any batch size; see act_pass.Forward."""
        shown: dict[int, Tensor] = dict.fromkeys(encoder_layers, torch.empty(0))
        chunk, attention, places = self._graph.weighed(
            *prepared, edit, shown, mean_over_heads=mean_over_heads
        )
        return Pass(chunk, attention, places, shown)
