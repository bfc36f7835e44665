# SPDX-License-Identifier: Apache-2.0
"""The part of ActPolicy that needs gradients; see abilities.GradientExplaining, Contributing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from pam_ros.attention.attribution import CHUNK, RUNNING_BASELINE
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.engines.eager import EagerForward
from pam_ros.policy.hooks.hookable import Hookable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from pam_ros.attention.attribution import Attribution, Target
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.act.contribution import Contributor
    from pam_ros.policy.act.output import ActOutput
    from pam_ros.policy.act.passes import Engine, Forward
    from pam_ros.policy.act.path import Differentiable
    from pam_ros.policy.act.prepare import Preparation
    from pam_ros.policy.act.spec import ActSpec
    from pam_ros.policy.interface import EngineReport, PolicyOutput


class Explaining(Hookable):
    """What autograd is needed for is imported when it is first asked for."""

    _spec: ActSpec
    _model: nn.Module
    _engine: Engine
    _forward: Forward
    _report: EngineReport
    _preparation: Preparation
    _keep_inputs: bool

    def attribute(
        self,
        observation: Mapping[str, NDArray[np.generic]],
        method: str,
        *,
        target: Target = CHUNK,
        baseline: str | Mapping[str, NDArray[np.uint8]] = "blur",
        steps: int = 32,
        joints: Sequence[str] = (),
    ) -> Attribution:
        """A gradient method on one observation; see abilities.GradientExplaining."""
        from pam_ros.policy.act import gradients  # noqa: PLC0415

        self.refuse_hooked("gradients")
        return gradients.attribute(
            cast("Differentiable", self),
            observation,
            method,
            target=target,
            baseline=baseline,
            steps=steps,
            joints=joints,
        )

    @property
    def why_not_beside_ticks(self) -> str:
        """Why another thread must not attribute meanwhile; empty if it may."""
        if isinstance(self._engine, HookedForward):
            return f"it runs lerobot's own modules, because {self._report.reason}"
        return ""

    def why_no_baseline(self, baseline: str) -> str:
        """Why it cannot give this baseline; see abilities.GradientExplaining."""
        from pam_ros.policy.act.path import why_no_baseline  # noqa: PLC0415

        return why_no_baseline(cast("Differentiable", self), baseline)

    def keep_inputs(self, *, keep: bool) -> None:
        """Whether later outputs hold what contribute needs; see abilities.Contributing."""
        self._keep_inputs = keep

    def contribute(
        self,
        observation: Mapping[str, NDArray[np.generic]],
        request: ContributionRequest,
        output: PolicyOutput | None = None,
    ) -> Attribution:
        """The contributions on one observation; see abilities.Contributing."""
        self.refuse_hooked("contributions")
        return self._contributor.contribute(observation, request, cast("ActOutput | None", output))

    def why_no_contribution(self, request: ContributionRequest) -> str:
        """Why it cannot be asked for this; empty if it can; see abilities.Contributing."""
        # The graph that contributions go through is not what this policy computes then.
        hooked = self.why_hooked("contributions")
        return hooked or self.why_not_beside_ticks or self._contributor.why_not(request)

    def mean_tokens(
        self, observations: Sequence[Mapping[str, NDArray[np.generic]]]
    ) -> NDArray[np.float32]:
        """The pictures' mean tokens over some observations; see abilities.Contributing."""
        self.refuse_hooked("mean tokens")
        return self._contributor.mean_tokens(observations)

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
        self._contributor.compare_with(means)

    @cached_property
    def _contributor(self) -> Contributor:
        from pam_ros.policy.act.contribution import Contributor  # noqa: PLC0415

        self.refuse_hooked("contributions")
        dtype = self._report.dtype
        exact = self._forward if dtype == "float32" else None
        graph = exact.graph if isinstance(exact, EagerForward) else None
        commands_by = f"{self._report.name} {dtype}"
        return Contributor(self._spec, self._model, self._preparation, dtype, graph, commands_by)
