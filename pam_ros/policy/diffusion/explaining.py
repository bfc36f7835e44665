# SPDX-License-Identifier: Apache-2.0
"""The part of DiffusionPolicy that needs gradients; see GradientExplaining and Contributing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from pam_ros.attention.attribution import CHUNK, CUSTOM_BASELINE, RUNNING_BASELINE
from pam_ros.policy.hooks.hookable import Hookable
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.observation import check_observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.attribution import Attribution, Target
    from pam_ros.attention.contribution import ContributionRequest
    from pam_ros.policy.diffusion.contribution import Contributor
    from pam_ros.policy.diffusion.differentiable import Differentiable
    from pam_ros.policy.diffusion.output import DiffusionOutput
    from pam_ros.policy.diffusion.prepare import Observation, Preparation, Prepared
    from pam_ros.policy.interface import PolicyOutput, PolicySpec


class Explaining(Hookable):
    """What autograd is needed for is imported when it is first asked for."""

    _spec: PolicySpec
    _model: Any
    _preparation: Preparation
    _passing: threading.Lock

    def __init__(self) -> None:
        self._making, self._attributing = threading.Lock(), threading.Lock()
        self._net: Differentiable | None = None
        self._gives: Contributor | None = None

    def prepare(self, observations: Sequence[Observation]) -> Prepared:
        """See abilities.Batching."""
        raise NotImplementedError

    def attribute(
        self,
        observation: Observation,
        method: str,
        *,
        target: Target = CHUNK,
        baseline: str | Mapping[str, NDArray[np.uint8]] = "blur",
        steps: int = 32,
        joints: Sequence[str] = (),
    ) -> Attribution:
        """A gradient method on one observation, as the first of an episode and with its own noise.

        See abilities.GradientExplaining.
        """
        from pam_ros.policy.diffusion import gradients  # noqa: PLC0415

        self._refuse_blind()
        self.refuse_hooked("gradients")
        why_not = self.why_no_baseline(baseline) if isinstance(baseline, str) else ""
        if why_not:
            raise PolicyError(why_not)
        inputs, starts = self.prepare([observation]), None
        if not isinstance(baseline, str):
            starts = self.prepare([{**observation, **baseline}]).images
            baseline = CUSTOM_BASELINE
        with self._attributing:
            return gradients.attribute(
                *(self._differentiable(), self._spec, inputs, method, target, baseline, steps),
                *(joints, starts),
            )

    def why_no_method(self, method: str) -> str:
        """Why it cannot give this method; see abilities.LackingMethods."""
        from pam_ros.policy.diffusion.gradients import why_no_method  # noqa: PLC0415

        return why_no_method(method)

    @property
    def why_not_beside_ticks(self) -> str:
        """Why another thread must not attribute meanwhile: it always may."""
        return ""

    def why_no_baseline(self, baseline: str) -> str:
        """Why it cannot give this baseline; see abilities.GradientExplaining."""
        from pam_ros.attention.contribution import ContributionRequest  # noqa: PLC0415

        if baseline != "mean":
            return ""
        return self.why_no_contribution(ContributionRequest(baseline=baseline, cell=1))

    def keep_inputs(self, *, keep: bool) -> None:
        """Outputs hold what contributions need whether they are asked to or not."""

    def contribute(
        self,
        observation: Observation,
        request: ContributionRequest,
        output: PolicyOutput | None = None,
    ) -> Attribution:
        """The contributions on one observation; see abilities.Contributing.

        With an output, at its noise and with the observations that it read; without, as the first
        of an episode. Contributions are of the policy as it is: an edited pass is not explained.
        """
        check_observation(self._spec, observation)
        self._refuse_blind()
        self.refuse_hooked("contributions")
        done = cast("DiffusionOutput | None", output)
        if done is None:
            return self._contributor().contribute(self.prepare([observation]), request, None)
        inputs = self._preparation.histories([done.history], [done.seed])
        chunk = None if done.edited else done.normalised
        return self._contributor().contribute(inputs, request, chunk)

    def why_no_contribution(self, request: ContributionRequest) -> str:
        """Why it cannot be asked for this; empty if it can; see abilities.Contributing."""
        try:
            self.refuse_hooked("contributions")
            self._refuse_blind()
        except PolicyError as error:
            return str(error)
        return self._contributor().why_not(request)

    def mean_tokens(self, observations: Sequence[Observation]) -> NDArray[np.float32]:
        """The pictures' mean tokens over some observations; see abilities.Contributing."""
        self._refuse_blind()
        self.refuse_hooked("mean tokens")
        return self._contributor().mean_tokens([self.prepare([one]) for one in observations])

    @property
    def tokens_compared_with(self) -> str:
        """What tokens are compared with; see abilities.Contributing."""
        # Nothing was given yet; and isinstance asks for this also inside hooks.
        return RUNNING_BASELINE if self._gives is None else self._gives.tokens_compared_with

    def compare_with(self, means: NDArray[np.float32] | None) -> None:
        """The baseline of token contributions; see abilities.Contributing."""
        self._refuse_blind()
        self.refuse_hooked("contributions")
        self._contributor().compare_with(means)

    def _refuse_blind(self) -> None:
        if not self._spec.cameras:
            message = f"{self._spec.name} reads no camera: gradients and contributions need one"
            raise PolicyError(message)

    def _differentiable(self) -> Differentiable:
        from pam_ros.policy.diffusion.differentiable import Differentiable  # noqa: PLC0415

        with self._making:
            if self._net is None:
                with self._passing:  # the hooks of a pass must not be copied
                    self._net = Differentiable(self._model, self._spec, self._preparation)
            return self._net

    def _contributor(self) -> Contributor:
        from pam_ros.policy.diffusion.contribution import Contributor  # noqa: PLC0415
        from pam_ros.policy.diffusion.differentiable import Differentiable  # noqa: PLC0415

        with self._making:
            if self._gives is None:
                self.refuse_hooked("contributions")  # the model is copied
                with self._passing:
                    net = Differentiable(self._model, self._spec, self._preparation)
                config = self._model.config
                self._gives = Contributor(self._spec, config, self._preparation, net)
            return self._gives
