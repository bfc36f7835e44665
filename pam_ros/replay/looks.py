# SPDX-License-Identifier: Apache-2.0
"""What the maps of a replay show: as asked for, else as recorded, else as the node's default."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.attention.attribution import CONTRIBUTION, CONTRIBUTIONS
from pam_ros.attention.drawing import AUTO, METHOD
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT
from pam_ros.attention.selection import LAST, make_selection
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.recorded import contribution_of, first_look, selection_of
from pam_ros.tick.contribution import ShownContribution, in_stead_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.attention.attribution import Target
    from pam_ros.attention.selection import Selection
    from pam_ros.observations.observed import ObservedTick
    from pam_ros.observations.recorded_tick import RecordedLook, RecordedTick
    from pam_ros.policy.interface import Policy
    from pam_ros.replay.settings import ReplaySettings
    from pam_ros.tick.contribution import InReserve

    Shown = Selection | ShownContribution | InReserve


class Looks:
    """The selection of each tick. `default`: where the recording says nothing.

    Args:
        settings: of the replay.
        policy: that is replayed.
        ticks: that were recorded.
        joints: the names of an action's joints.
        also: further targets, of contributions.

    Raises:
        ReplayError: the policy has not what is asked for, or what was recorded.
    """

    def __init__(
        self,
        settings: ReplaySettings,
        policy: Policy,
        ticks: Sequence[RecordedTick],
        joints: Sequence[str],
        also: tuple[Target, ...] = (),
    ) -> None:
        self._also = also
        self._policy = policy
        self._joints = joints
        self._as_recorded = not settings.method
        self._known: dict[RecordedLook, Shown] = {}
        first = first_look(ticks) if self._as_recorded else None
        self.default: Shown
        if first is None:
            self.default = self._with_also(_asked(settings, policy, joints))
        else:
            self.default = self._with_also(selection_of(first, policy, joints))

    def of(self, observed: ObservedTick) -> Shown:
        """What this tick's map shows."""
        recorded = observed.recorded
        if not self._as_recorded or recorded is None or recorded.look is None:
            return self.default
        if recorded.look not in self._known:
            found = selection_of(recorded.look, self._policy, self._joints)
            self._known[recorded.look] = self._with_also(found)
        return self._known[recorded.look]

    def _with_also(self, shown: Shown) -> Shown:
        if not isinstance(shown, ShownContribution):
            return shown
        return replace(shown, request=replace(shown.request, also=self._also))


def _asked(settings: ReplaySettings, policy: Policy, joints: Sequence[str]) -> Shown:
    method = settings.method or METHOD
    if method == AUTO:  # a replay has the time; but a layer, head, query or step is of attention
        asked = (settings.layer, settings.head, settings.query, settings.step)
        method = CONTRIBUTION if asked == (-1, "mean", "mean", LAST) else ROLLOUT
    if method in CONTRIBUTIONS:
        return contribution_of(method, settings.target, policy, joints)
    if stand_in := in_stead_of(method, policy.spec):
        return stand_in
    look = settings.layer, settings.head, settings.query
    try:
        return make_selection(method, *look, policy.spec, settings.step)
    except AttentionError as error:
        raise ReplayError(str(error).replace("'attention_", "'")) from error
