# SPDX-License-Identifier: Apache-2.0
"""What metadata.yaml states, and the same with the figures that the files show."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import yaml
from rosbags.rosbag2.metadata import dump_qos_v8

from pam_ros.bags.metadata import (
    HASH_SINCE,
    QOS_AS_TEXT,
    VERSION,
    bag_metadata,
    without_later,
)
from pam_ros.bags.qos import qos_documents
from pam_ros.bags.salvage.found import qos_profiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pam_ros.bags.metadata import TopicRecord
    from pam_ros.bags.salvage.found import Salvage

_LARGEST = 16 << 20
_FIRST_WITH_FILES = 5
_FIRST_WITH_NAMES_ALONE = 4
_FROM_FILES = ("starting_time", "duration", "message_count")

Facts = dict[str, Any]


def stated_in(file: Path) -> Facts | None:
    """What a metadata.yaml holds; None if there is none, or none that can be read."""
    try:
        if file.stat().st_size > _LARGEST:
            return None
        facts = yaml.safe_load(file.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        names = facts["relative_file_paths"]
        usable = isinstance(facts, dict) and all(isinstance(name, str) for name in names)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, RecursionError):
        return None
    return facts if usable and isinstance(names, list) and names else None


def stated_files(facts: Mapping[str, Any]) -> list[str]:
    """The names of the bag's files; early releases wrote the folder before them."""
    return [PurePath(name).name for name in facts["relative_file_paths"]]


def compression_of(facts: Mapping[str, Any] | None) -> tuple[str, str]:
    """Mode and format, in small letters; twice nothing if nothing is compressed by rosbag2."""
    mode = str((facts or {}).get("compression_mode") or "").lower()
    form = str((facts or {}).get("compression_format") or "").lower()
    return ("", "") if mode in {"", "none"} else (mode, form)


def topics_agree(facts: Mapping[str, Any], counts: Mapping[str, int]) -> bool:
    """Whether metadata states these messages by topic, and as their sum."""
    try:
        given: dict[str, int] = {}
        for entry in facts["topics_with_message_count"]:
            name = entry["topic_metadata"]["name"]
            given[name] = given.get(name, 0) + entry["message_count"]
        filled = {name: count for name, count in given.items() if count}
        return bool(
            filled == {name: count for name, count in counts.items() if count}
            and facts["message_count"] == sum(filled.values())
        )
    except (LookupError, TypeError, AttributeError):
        return False


def bag_facts(
    storage: str,
    files: Sequence[Salvage],
    topics: Iterable[TopicRecord],
    stated: Facts | None,
    version: int | None = None,
) -> Facts:
    """rosbag2's metadata of the files, with all that only `stated` knows.

    That is QoS, type hashes, custom data, the release of ROS 2, the version and form of the file,
    topics without messages, and how messages are compressed if there are none.

    Args:
        storage: "mcap" or "sqlite3".
        files: in their order, after their survey.
        topics: those of all files.
        stated: what metadata.yaml, or the last file, said before.
        version: that the metadata shall have; None leaves it as it is.
    """
    seen = bag_metadata(storage, [file.facts for file in files], _by_type(topics))
    for entry in seen["topics_with_message_count"]:
        about = entry["topic_metadata"]
        entry["message_count"] = _messages(files, about["name"], about["type"])
    _compress(seen, files, stated)
    seen["custom_data"] = _custom(files)
    before = (stated or {}).get("version")
    if stated is None or not isinstance(before, int) or not 1 <= before <= VERSION:
        return seen if version is None else _in_version(seen, version)
    facts = {**stated, "storage_identifier": storage}
    if "files" in stated or (version or before) >= _FIRST_WITH_FILES:
        facts["files"] = seen["files"]
    facts |= {key: seen[key] for key in (*_FROM_FILES, "compression_format", "compression_mode")}
    facts["relative_file_paths"] = _paths(seen["relative_file_paths"], stated, version or before)
    facts["topics_with_message_count"] = _topics(seen, stated, before)
    return facts if version is None else _in_version(facts, version)


def _custom(files: Iterable[Salvage]) -> dict[str, str] | None:
    """What a file says that was not closed; None if none says anything."""
    for file in files:
        said = file.custom or (file.stated or {}).get("custom_data")
        if isinstance(said, dict) and said:
            return {str(key): str(value) for key, value in said.items()}
    return None


def _in_version(facts: Facts, version: int) -> Facts:
    """Metadata of any version in the form of another, since Humble's."""
    topics = [
        {**entry, "topic_metadata": _in_form(entry["topic_metadata"], version)}
        for entry in facts["topics_with_message_count"]
    ]
    later = {"custom_data": facts.get("custom_data"), "ros_distro": facts.get("ros_distro", "")}
    found = {**facts, **later, "version": version, "topics_with_message_count": topics}
    return without_later(found, version)


def _by_type(topics: Iterable[TopicRecord]) -> list[TopicRecord]:
    return list({(topic.name, topic.type): topic for topic in reversed(list(topics))}.values())[
        ::-1
    ]


def _messages(files: Iterable[Salvage], name: str, kind: str) -> int:
    return sum(
        file.counts.get(key, 0)
        for file in files
        for key, topic in file.topics.items()
        if (topic.record.name, topic.record.type) == (name, kind)
    )


def _compress(seen: Facts, files: Sequence[Salvage], stated: Facts | None) -> None:
    """How messages are compressed: the messages know best."""
    mode, form = compression_of(stated)
    compressed = sum(file.compressed for file in files)
    messages = sum(file.facts.messages for file in files)
    if files and all(file.packed for file in files):
        mode, form = "file", "zstd"
    elif compressed:
        mode, form = "message", "zstd"
    elif mode == "file" or (messages and (mode, form) == ("message", "zstd")):
        mode, form = "", ""
    seen["compression_mode"], seen["compression_format"] = mode.upper(), form


def _paths(names: list[str], stated: Facts, version: int) -> list[str]:
    """The names, as early releases wrote them if `stated` is of one."""
    if version >= _FIRST_WITH_NAMES_ALONE:
        return names
    paths = stated.get("relative_file_paths") or ()
    given = {PurePath(path).name: path for path in paths if isinstance(path, str)}
    return [given.get(name, name) for name in names]


def _topics(seen: Facts, stated: Facts, version: int) -> list[Facts]:
    given: dict[tuple[str, str], Facts] = {}
    entries = stated.get("topics_with_message_count")
    for entry in entries if isinstance(entries, list) else []:
        topic = entry.get("topic_metadata") if isinstance(entry, dict) else None
        if isinstance(topic, dict) and _well_formed(topic):
            given[topic["name"], topic["type"]] = topic
    found = []
    for entry in seen["topics_with_message_count"]:
        topic = entry["topic_metadata"]
        known = given.pop((topic["name"], topic["type"]), None)
        if known is None or (topic["offered_qos_profiles"] and not _qos(known)):
            known = _in_form(topic, version) if version < VERSION else topic
        found.append({"topic_metadata": known, "message_count": entry["message_count"]})
    silent = [{"topic_metadata": topic, "message_count": 0} for topic in given.values()]
    return [*found, *silent]


def _well_formed(topic: Mapping[str, Any]) -> bool:
    return (
        isinstance(topic.get("name"), str)
        and isinstance(topic.get("type"), str)
        and topic.get("serialization_format") == "cdr"
        and isinstance(topic.get("type_description_hash", ""), str)
        and qos_profiles(topic.get("offered_qos_profiles", [])) is not None
    )


def _qos(topic: Mapping[str, Any]) -> bool:
    return bool(qos_profiles(topic.get("offered_qos_profiles", [])))


def _in_form(topic: Facts, version: int) -> Facts:
    """A topic as releases of that version read it: up to 8, QoS is YAML within YAML."""
    profiles = qos_profiles(topic.get("offered_qos_profiles", [])) or ()
    text = version <= QOS_AS_TEXT
    offered = dump_qos_v8(list(profiles)) if text else qos_documents(profiles)
    found = {**topic, "offered_qos_profiles": offered}
    if version >= HASH_SINCE:
        return {"type_description_hash": "", **found}
    return {key: value for key, value in found.items() if key != "type_description_hash"}
