# SPDX-License-Identifier: Apache-2.0
"""Which mcap files are ROS 2's: one rule, for repairing and for reading."""

from __future__ import annotations

ROS2_SCHEMAS = ("ros2msg", "ros2idl")
"""Encodings of definitions by which a file without a profile is known to be ROS 2's."""


def why_not_ros2(profile: str | None, topic: str, encoding: str, schema: str) -> str:
    """Why a channel that holds messages makes a file no recording of ROS 2; empty if it does not.

    Args:
        profile: of the file's header; None if that is lost.
        topic: of the channel.
        encoding: of its messages.
        schema: encoding of their definition.
    """
    if encoding != "cdr":
        return f"topic {topic!r:.100} holds {encoding!r:.40} messages, not CDR"
    if profile != "ros2" and schema not in ROS2_SCHEMAS:
        return f"it names no profile, and topic {topic!r:.100} is defined in {schema!r:.40}"
    return ""
