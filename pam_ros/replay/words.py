# SPDX-License-Identifier: Apache-2.0
"""What the policy is told at each tick of a replay: as asked for, else as recorded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pam_ros.observations.told import Told
from pam_ros.policy.words import instruct_first, instruction_of, reads_words, why_no_instruction

if TYPE_CHECKING:
    from pam_ros.observations.observed import ObservedTick
    from pam_ros.observations.recording import OpenRecording
    from pam_ros.policy.interface import Policy
    from pam_ros.replay.settings import ReplaySettings

_LOG = logging.getLogger(__name__)


class Words:
    """The instruction of each tick; of a policy that reads no words, always the empty one.

    Args:
        settings: of the replay.
        policy: that is told at once what it reads first.
        opened: the recording.

    Raises:
        PolicyError: the policy reads words and nothing says which, or such as it cannot read.
    """

    def __init__(self, settings: ReplaySettings, policy: Policy, opened: OpenRecording) -> None:
        self._asked = settings.instruction
        self._told = Told(opened, settings.node) if reads_words(policy) else None
        first = "" if self._told is None else self._told.first
        tasks = (tick.instruction for tick in opened.ticks)
        offers = {
            "--instruction": settings.instruction,
            "the recording's own instruction": next(filter(None, tasks), first),
            "the key 'instruction' of the contract": opened.contract.instruction,
        }
        unread = instruct_first(policy, offers).unread
        if unread:
            _LOG.warning("%s", unread)
        self._otherwise = instruction_of(policy)

    def of(self, tick: ObservedTick) -> str:
        """What the policy reads at this tick."""
        if self._told is None:
            return ""
        text = self._asked or self._told.at(tick)
        return self._otherwise if why_no_instruction(text) else text
