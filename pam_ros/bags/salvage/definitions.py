# SPDX-License-Identifier: Apache-2.0
"""Definitions that the new file's readers can use, for those that are lost or damaged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rosbags.typesys import TypesysError

from pam_ros.bags.storages import DAMAGE
from pam_ros.bags.types import definition, idl_definition, known_types

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pam_ros.bags.metadata import TopicRecord


def defined(topic: TopicRecord, folders: Mapping[str, Path] | None) -> TopicRecord:
    """The topic with its definition, which older sqlite3 bags lack and damage can spoil."""
    if _parses(topic):
        return topic
    try:
        text, _ = known_types(folders).generate_msgdef(topic.type, ros_version=2)
    except (TypesysError, KeyError):
        # Not every definition can be read here: a service event has its .srv file's.
        known = topic.encoding in {"ros2msg", "ros2idl"}
        return replace(topic, encoding=topic.encoding if known else "ros2msg")
    return replace(topic, encoding="ros2msg", definition=text)


def _parses(topic: TopicRecord) -> bool:
    try:
        if topic.encoding == "ros2idl":
            return bool(idl_definition(topic.definition))
        return topic.encoding == "ros2msg" and bool(definition(topic.definition, topic.type))
    except DAMAGE:
        return False
