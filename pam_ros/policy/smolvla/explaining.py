# SPDX-License-Identifier: Apache-2.0
"""The part of SmolVlaPolicy that needs gradients; see abilities.Contributing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from pam_ros.attention.attribution import CONTRIBUTION, RUNNING_BASELINE
from pam_ros.policy.hooks.hookable import Hookable
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.observation import check_observation
from pam_ros.policy.smolvla.output import SmolVlaOutput
from pam_ros.policy.smolvla.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.attribution import Attribution
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.interface import PolicyOutput
    from pam_ros.policy.padded import PaddedCells
    from pam_ros.policy.smolvla.contribution import Contributor
    from pam_ros.policy.smolvla.prepare import Inputs

    Observation = Mapping[str, NDArray[np.generic]]


class Explaining(Settings, Hookable):
    """What autograd is needed for is made when it is first asked for."""

    _keep_inputs = False
    _model: Any
    _cells: Sequence[PaddedCells]

    def prepare(self, observations: Sequence[Observation]) -> Inputs:
        """The inputs of some observations, as one batch; see abilities.Batching."""
        raise NotImplementedError

    def keep_inputs(self, *, keep: bool) -> None:
        """Whether later outputs hold what contribute needs; see abilities.Contributing."""
        self._keep_inputs = keep

    def contribute(
        self,
        observation: Observation,
        request: ContributionRequest,
        output: PolicyOutput | None = None,
    ) -> Attribution:
        """The contributions on one observation; see abilities.Contributing.

        Of a pass whose inputs were kept it has the noise and the words; else it draws the noise of
        a batch.
        """
        check_observation(self._spec, observation)
        reason = self.why_no_contribution(request)
        if reason:
            raise PolicyError(reason)
        if isinstance(output, SmolVlaOutput) and output.inputs is not None:
            spec, inputs, chunk = self._spec, output.inputs, output.normalised
        else:
            spec, inputs, chunk = self._spec, self.prepare([observation]), None
        return self._contributor.contribute(spec, inputs, request, chunk)

    def why_no_contribution(self, request: ContributionRequest) -> str:
        """Why it cannot be asked for this; empty if it can; see abilities.Contributing."""
        from pam_ros.policy.act.contribution_parts import check_cell, check_request  # noqa: PLC0415
        from pam_ros.policy.act.target import rows_of  # noqa: PLC0415

        hooked = self.why_hooked("contributions")
        if hooked:
            return hooked
        try:
            check_request(request)
            if request.method == CONTRIBUTION:
                check_cell(request.cell, self._spec.cameras)
            for target in (request.target, *request.also):
                rows_of(target, self._spec)
        except PolicyError as error:
            return str(error)
        if request.joints and len(request.joints) != self._spec.action_dim:
            return f"joints has {len(request.joints)} names: it must have {self._spec.action_dim}"
        if request.method == CONTRIBUTION and request.baseline == "mean":
            return "baseline 'mean' needs pictures of a training mean: SmolVLA's have none"
        return ""

    def mean_tokens(self, observations: Sequence[Observation]) -> NDArray[np.float32]:
        """The pictures' mean tokens over some observations; see abilities.Contributing."""
        self.refuse_hooked("mean tokens")
        return self._contributor.mean_tokens([self.prepare([each]) for each in observations])

    @property
    def tokens_compared_with(self) -> str:
        """What tokens are compared with; see abilities.Contributing."""
        if "_contributor" not in vars(self):
            # Nothing was given yet; and isinstance asks for this also inside hooks.
            return RUNNING_BASELINE
        return self._contributor.tokens_compared_with

    def compare_with(self, means: NDArray[np.float32] | None) -> None:
        """The baseline of token contributions; see abilities.Contributing."""
        self.refuse_hooked("contributions")
        self._contributor.compare_with(means, self._spec.name)

    @cached_property
    def _contributor(self) -> Contributor:
        from pam_ros.policy.smolvla.contribution import Contributor  # noqa: PLC0415

        self.refuse_hooked("contributions")  # the model is copied
        with torch.inference_mode(mode=False):
            return Contributor(self._model, self._preparation, self._cells, self._spec.device)
