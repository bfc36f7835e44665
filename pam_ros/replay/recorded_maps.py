# SPDX-License-Identifier: Apache-2.0
"""The maps of a recording, where they choose the ticks of its replay."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pam_ros.bags.errors import BagError
from pam_ros.replay.recorded import RecordedTicks
from pam_ros.robot.topics import topics_of
from pam_ros.tick.attention_map import ATTENTION_MAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.observations.recorded_tick import RecordedTick
    from pam_ros.observations.recording import OpenRecording, Recording
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.replay.settings import ReplaySettings

_LOG = logging.getLogger(__name__)


def chosen_ticks(
    opened: OpenRecording, settings: ReplaySettings, spec: PolicySpec
) -> Sequence[RecordedTick]:
    """The ticks that the recording names; empty where stamps are to choose them.

    A map that cannot be read goes into the recording's notes.
    """
    if opened.ticks:
        return opened.ticks
    topic = topics_of(opened.contract, settings.node).attention
    there = opened.recording.topics.get(topic)
    if there is None or there.type != ATTENTION_MAP or settings.ignore_maps or settings.rate_hz:
        return ()
    return _read(opened.recording, topic, spec)


def _read(recording: Recording, topic: str, spec: PolicySpec) -> Sequence[RecordedTick]:
    recorded = RecordedTicks()
    for message in recording.messages([topic]):
        try:
            recorded.take(recording.decode(message), message.stamp_ns)
        except BagError as error:  # noqa: PERF203  (a damaged map does not end it)
            recording.notes.append(str(error))
    recorded.put_in_order()
    if recorded.policies - {spec.sha256}:
        _LOG.warning("the maps in %s are of another policy's weights", recording.path)
    if recorded.modes - {spec.chunk_mode}:
        _LOG.warning(
            "%s was recorded in the mode %s, this policy runs in %s",
            *(recording.path, ", ".join(recorded.modes), spec.chunk_mode),
        )
    return recorded.ticks
