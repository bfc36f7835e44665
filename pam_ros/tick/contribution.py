# SPDX-License-Identifier: Apache-2.0
"""What is shown where a contribution was asked for: it, or attention in its stead.

And where attention was asked for of a policy that has none: what it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pam_ros.attention.attribution import CONTRIBUTION
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import CROSS_ATTENTION, ROLLOUT
from pam_ros.attention.selection import (
    ATTENTION,
    LAST,
    has_attention,
    make_selection,
    methods_of,
)
from pam_ros.policy.abilities import Contributing, lacks
from pam_ros.policy.interface import PolicyError
from pam_ros.tick.last_parts import LastParts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.contribution import Before, ContributionRequest
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import Policy, PolicyOutput, PolicySpec
    from pam_ros.tick.outcome import TickOutcome

CHECK_EVERY = 10
"""On every so many ticks what takes passes of its own is computed: the parts, the cells' sum."""


@dataclass(frozen=True)
class ShownContribution:
    """Contributions of a tick's observation.

    On the first tick of an episode, and then on every so many, they are complete. Ticks between
    repeat the shares of the last one that was.

    Attributes:
        policy: that gives them.
        request: which ones.
        pass_: the weights that the passes themselves keep, which a policy wants to be told.
        check_every: see CHECK_EVERY; 0: never.
        asked: the method that was asked for, if another name than the request's; else empty.
        reason: why it is this method then.
        last: the shares of the last tick that was complete.
    """

    policy: Contributing
    request: ContributionRequest
    pass_: Selection
    check_every: int = CHECK_EVERY
    asked: str = ""
    reason: str = ""
    last: LastParts = field(default_factory=LastParts, compare=False)

    @property
    def method(self) -> str:
        """Of the maps."""
        return self.request.method

    def apply_to(self, policy: Policy) -> None:
        """Have later passes hold what spares a contribution the half of its work."""
        self.pass_.apply_to(policy)
        self.policy.keep_inputs(keep=True)

    def maps_on(
        self,
        features: Mapping[str, NDArray[np.generic]],
        outcome: TickOutcome,
        spec: PolicySpec,
        before: Before | None = None,
        instruction: str = "",
    ) -> AttentionMaps:
        """The maps of a tick on an observation.

        Args:
            features: that the tick's pass read.
            outcome: of the tick.
            spec: of the policy at this tick.
            before: what an earlier tick predicted.
            instruction: the words that its pass read.

        Raises:
            AttentionError: they cannot be made; whatever it is, the robot does not notice.
        """
        complete = self.last.due(outcome, self.check_every, instruction)
        request = replace(self.request, complete=complete, episode=outcome.episode, before=before)
        try:
            found = self.policy.contribute(features, request, outcome.output)
        except (AttentionError, PolicyError) as error:
            raise AttentionError(str(error)) from error
        except Exception as error:
            message = f"{self.method} failed: {type(error).__name__}: {error}"
            raise AttentionError(message) from error
        maps = found.maps(spec.layout, request.cell if self.method == CONTRIBUTION else None)
        if not complete:
            return self.last.repeated(outcome, maps, instruction)
        # Where another target stood in, its shares are not those of the next tick.
        if maps.target == self.request.target.label(self.request.joints):
            self.last.keep(outcome, maps, instruction)
        return maps


@dataclass(frozen=True)
class InReserve:
    """Attention, since what was asked for cannot be shown.

    Attributes:
        selection: what is shown.
        asked: the method that was asked for.
        reason: why it is not shown.
    """

    selection: Selection
    asked: str
    reason: str

    @property
    def method(self) -> str:
        """Of the maps."""
        return self.selection.method

    def apply_to(self, policy: Policy) -> None:
        """Have later passes hold the weights that maps() reads."""
        self.selection.apply_to(policy)

    def maps(self, output: PolicyOutput, spec: PolicySpec) -> AttentionMaps:
        """See Selection.maps."""
        return self.selection.maps(output, spec)


def show_contribution(
    policy: Policy | None,
    request: ContributionRequest,
    spec: PolicySpec,
    check_every: int = CHECK_EVERY,
) -> ShownContribution | InReserve:
    """What is shown where this is asked for.

    Args:
        policy: that is asked; None if there is none to ask.
        request: what is asked for.
        spec: of the policy.
        check_every: see CHECK_EVERY.

    Raises:
        AttentionError: the policy has no attention to show in its stead.
    """
    reserve = usual_attention(spec)
    if not isinstance(policy, Contributing):
        reason = "this policy gives no contributions"
        if policy is not None:
            reason = lacks(policy, "it gives no contributions")
        return InReserve(reserve, request.method, reason)
    reason = policy.why_no_contribution(request)
    if reason:
        return InReserve(reserve, request.method, reason)
    # What a pass has to compute anyway.
    there = CROSS_ATTENTION in methods_of(spec)
    least = make_selection(CROSS_ATTENTION, -1, "mean", "mean", spec) if there else reserve
    return ShownContribution(policy, request, least, check_every)


def in_stead_of(method: str, spec: PolicySpec) -> InReserve | None:
    """What a policy without attention shows where attention is asked for.

    None: it was not asked for, the policy has some, or it has nothing to show.
    """
    there = methods_of(spec)
    if method not in ATTENTION or has_attention(spec) or not there:
        return None
    shown = usual_attention(spec)
    reason = f"this policy has no attention: {shown.method} is shown, which is none"
    return InReserve(shown, method, reason)


def usual_attention(
    spec: PolicySpec,
    layer: int = -1,
    head: str = "mean",
    query: str = "mean",
    step: str = LAST,
) -> Selection:
    """Rollout where the policy has it; of a policy without attention the map that it has.

    Raises:
        AttentionError: the policy has no attention, or no such layer, head, query or step.
    """
    there = methods_of(spec)
    method = ROLLOUT if ROLLOUT in there or not there else there[0]
    return make_selection(method, layer, head, query, spec, step)
