# SPDX-License-Identifier: Apache-2.0
"""The passes that contributions of an ACT go through, each made when it is first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act.contribution_parts import plain, zeros_like
from pam_ros.policy.act.explaining_pass import Choice, choose, make_explaining_pass
from pam_ros.policy.act.graph import ActGraph
from pam_ros.policy.act.group_parts import Reference, reference_of
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.path import why_no_mean, zero_observation
from pam_ros.policy.engines.workshop import identity_of

if TYPE_CHECKING:
    from torch import nn

    from pam_ros.policy.act.explaining_pass import ExplainingPass
    from pam_ros.policy.act.prepare import Preparation
    from pam_ros.policy.act.spec import ActSpec


class Graphs:
    """Of one policy. Of any thread.

    Args:
        spec: the policy's.
        model: its lerobot ACT module.
        preparation: of its inputs.
        dtype: of the commands.
        faster: the same pass, for what needs no gradient; None: there is none.
    """

    def __init__(
        self,
        spec: ActSpec,
        model: nn.Module,
        preparation: Preparation,
        dtype: str,
        faster: ActGraph | None,
    ) -> None:
        self._spec = spec
        self._model = model
        self._preparation = preparation
        self._dtype = dtype
        self._faster = faster
        self._making = threading.Lock()
        self._made: dict[bool, tuple[ExplainingPass, Reference]] = {}

    def get(self, *, at_once: bool = False) -> tuple[ExplainingPass, Reference]:
        """The pass, and what the groups of tokens are compared with.

        Args:
            at_once: where nothing is compiled yet, by autograd, for which nothing has to be.
        """
        with self._making:
            if at_once and False not in self._made:
                choice = Choice("autograd", self._dtype, "it is for a single look")
                return self._of(at_once=True, choice=choice)
            return self._of(at_once=False, choice=choose(self._spec, self._dtype))

    def why_no_mean(self, kind: str) -> str:
        """Why inputs of a kind, VISUAL, STATE or ENV, have no training mean; empty if they do."""
        zeros = self._preparation.one(zero_observation(self._spec))
        inputs = {
            "VISUAL": list(zeros.images),
            "STATE": [] if zeros.state is None else [zeros.state],
            "ENV": [] if zeros.environment is None else [zeros.environment],
        }[kind]
        return why_no_mean(self._model, kind, inputs)

    def _of(self, *, at_once: bool, choice: Choice) -> tuple[ExplainingPass, Reference]:
        if at_once not in self._made:
            sizes = [(camera.rows, camera.cols) for camera in self._spec.layout.cameras]
            dtype = torch.bfloat16 if self._dtype == "bfloat16" else torch.float32
            plain_graph = ActGraph(self._model, sizes, PlainKernels(dtype))
            graph = make_explaining_pass(
                self._spec,
                plain_graph.requires_grad_(requires_grad=False),
                self._faster,
                choice,
                identity_of(self._model, self._spec),
            )
            with torch.no_grad():
                zeros = zeros_like(self._preparation.one(zero_observation(self._spec)))
                images = [plain(image) for image in zeros.images]
                tokens = graph.embed(images, zeros.state, zeros.environment)
            unknown = {kind for kind in ("STATE", "ENV") if self.why_no_mean(kind)}
            self._made[at_once] = graph, reference_of(self._spec.layout, tokens, unknown)
        return self._made[at_once]
