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
    from pam_ros.policy.engines.workshop import EngineFactory


def make_eager(workshop: EngineFactory, dtype: str) -> EagerForward:
    """The engine; see names.EngineEntry."""
    return EagerForward(workshop.exact if dtype == "float32" else workshop.fast(dtype))


class EagerForward:
    """Implements passes.Forward."""

    def __init__(self, graph: ActGraph) -> None:
        self._graph = graph

    @property
    def graph(self) -> ActGraph:
        """What it runs."""
        return self._graph

    @torch.inference_mode()
    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        edit: Edit | None = None,
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of any batch size; see passes.Forward."""
        shown: dict[int, Tensor] = dict.fromkeys(encoder_layers, torch.empty(0))
        chunk, attention, places = self._graph.with_weights(
            *prepared, edit, shown, mean_over_heads=mean_over_heads
        )
        return Pass(chunk, attention, places, shown)
