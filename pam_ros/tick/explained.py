# SPDX-License-Identifier: Apache-2.0
"""A tick that ran, as one value: from here on live and replayed ticks are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError
from pam_ros.tick.contribution import InReserve, ShownContribution

if TYPE_CHECKING:
    from pam_ros.attention.contribution import Before
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.observation import Observation
    from pam_ros.robot.sync import MessageSet
    from pam_ros.tick.outcome import TickOutcome


@dataclass(frozen=True, eq=False)
class ExplainedTick:
    """A tick: what it looked at, what it did, and where the policy looked.

    Attributes:
        inputs: the messages that it looked at, as they came.
        observation: the arrays that were made of them.
        outcome: what it did; if there are no maps it says why.
        maps: where the policy looked, with the labels of what they show; None if there are none.
        method_asked: the method that was asked for.
        instruction: the words that its pass read; empty if it reads none.
        method_reason: why the maps are of another one, of another target or from another baseline;
            empty if they are not.
    """

    inputs: MessageSet
    observation: Observation
    outcome: TickOutcome
    maps: AttentionMaps | None
    method_asked: str = ""
    method_reason: str = ""
    instruction: str = ""


def explain(
    inputs: MessageSet,
    observation: Observation,
    outcome: TickOutcome,
    selection: Selection | ShownContribution | InReserve,
    spec: PolicySpec,
    before: Before | None = None,
    instruction: str = "",
) -> ExplainedTick:
    """The tick with the maps of its pass.

    Args:
        inputs: the messages that it looked at.
        observation: what was made of them.
        outcome: of the loop.
        selection: which weights or contributions the maps show.
        spec: of the policy, as it was for this tick: words may change its tokens.
        before: what an earlier tick predicted, for the target `change`.
        instruction: the words that the pass read.

    Returns:
        The tick; its outcome is invalid, with the reason, if the maps cannot be made.
    """
    maps = None
    if outcome.valid and outcome.output is not None:
        try:
            if isinstance(selection, ShownContribution):
                maps = selection.maps_on(observation.features, outcome, spec, before, instruction)
            else:
                maps = selection.maps(outcome.output, spec)
        except AttentionError as error:
            outcome = outcome.made_invalid(str(error))
    asked, reason = selection.method, ""
    if isinstance(selection, ShownContribution | InReserve):
        asked, reason = selection.asked or asked, selection.reason
    if isinstance(selection, ShownContribution) and maps is not None and maps.reason:
        reason = f"{reason}; {maps.reason}" if reason else maps.reason
    return ExplainedTick(inputs, observation, outcome, maps, asked, reason, instruction)
