# SPDX-License-Identifier: Apache-2.0
"""Maps of further targets: as asked for, else those that the recording has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.attention.contribution import parse_target
from pam_ros.attention.errors import AttentionError
from pam_ros.bags.errors import BagError
from pam_ros.replay.errors import ReplayError
from pam_ros.robot.topics import target_word
from pam_ros.tick.attention_map import ATTENTION_MAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.attention.attribution import Target
    from pam_ros.observations.recording import Recording
    from pam_ros.replay.settings import ReplaySettings
    from pam_ros.robot.topics import Topics


def further_labels(
    recording: Recording, topics: Topics, settings: ReplaySettings
) -> tuple[str, ...]:
    """The labels of the further targets, in the order of their topics.

    Those of the recording count if the settings name neither a method nor targets.
    """
    if settings.targets or settings.method or settings.ignore_maps:
        return settings.targets
    return tuple(
        label
        for name, topic in sorted(recording.topics.items())
        if name.startswith(topics.further) and topic.type == ATTENTION_MAP
        for label in [_target_on(recording, name)]
        if label
    )


def targets_of(labels: Sequence[str], joints: Sequence[str], chunk_size: int) -> tuple[Target, ...]:
    """What these labels name.

    Raises:
        ReplayError: one is none of this policy's, or two have one topic.
    """
    words = [target_word(label) for label in labels]
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise ReplayError(f"several targets would be on one topic, {', '.join(twice)}")
    try:
        return tuple(parse_target(label, joints, chunk_size) for label in labels)
    except AttentionError as error:
        raise ReplayError(str(error)) from error


def _target_on(recording: Recording, topic: str) -> str:
    """The target of the first map on a topic that can be read; empty if there is none."""
    for message in recording.messages([topic]):
        try:
            target = str(recording.decode(message).target)
        except BagError:
            continue
        if target:
            return target
    return ""
