# SPDX-License-Identifier: Apache-2.0
"""Which attention node a recording is of, by the types and last names of its topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pam_ros.observations.recording import Recording

MAP, STRING = "pam_ros/msg/AttentionMap", "std_msgs/msg/String"
_ENDS = {MAP: "/attention", STRING: "/instruction"}


def node_of(recording: Recording, node: str, kinds: Collection[str], several: str) -> str:
    """Full name of the node whose topics of these types a recording has.

    Args:
        recording: with messages on them.
        node: full name of the one that is meant if it is there, or if no single other one is.
        kinds: MAP, STRING or both.
        several: what the recording's notes say where several others have them and none is
            believed, after their names.
    """
    found = {
        name.removesuffix(_ENDS[topic.type])
        for name, topic in recording.topics.items()
        if topic.count and topic.type in kinds and name.endswith(_ENDS[topic.type])
    }
    there = sorted(found - {""})
    if node in there or not there:
        return node
    if len(there) > 1:
        recording.notes.append(f"{' and '.join(there)} {several}")
        return node
    return there[0]
