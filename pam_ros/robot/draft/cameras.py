# SPDX-License-Identifier: Apache-2.0
"""Which topic shows what each camera of the policy shall see: by name, by size, by what is left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.contract import CAMERA_TYPES, IMAGE, Size
from pam_ros.robot.draft.assignment import assign, rivals
from pam_ros.robot.draft.text import listed, scalar
from pam_ros.robot.draft.words import alike, words
from pam_ros.robot.images import ENCODINGS
from pam_ros.robot.section import FILL_IN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.policy.interface import CameraSpec, PolicySpec
    from pam_ros.robot.draft.seen import Seen, SeenTopic
    from pam_ros.robot.draft.text import Lines

_TRANSPORTS = re.compile(r"/(compressed|ffmpeg|h264|h265|theora|foxglove|video)$")
_DEPTH = ("16UC1", "32FC1")
_SAME_SIZE, _SAME_SHAPE = 0.3, 0.15
_TIED = 0.02
"""Costs this near to each other decide nothing; a word in common counts 0.5 or more."""


@dataclass(frozen=True)
class _Found:
    """A feature's topic; None if nothing decides, and `others` are those that fit alike."""

    topic: SeenTopic | None
    why: str
    others: tuple[str, ...] = ()


def write_cameras(out: Lines, spec: PolicySpec, seen: Seen) -> list[SeenTopic]:
    """The cameras of the contract; their topics, and those that may be."""
    if not spec.cameras:
        out.put("cameras: []", "the policy sees nothing")
        return []
    topics = _offered(seen)
    found = match_cameras(spec, topics)
    names = _names(spec)
    out.put("cameras:")
    for index, (camera, each) in enumerate(zip(spec.cameras, found, strict=True)):
        if index:
            out.blank()
        _write(out, camera, names[index], each, topics)
    tied = {name for each in found for name in each.others}
    taken = [each.topic for each in found if each.topic is not None]
    chosen = [topic for topic in topics if topic in taken or topic.name in tied]
    unused = [topic.name for topic in topics if topic not in chosen]
    if unused and all(each.topic is not None for each in found):
        out.comment(f"Not used: {listed(unused)}.", 2)
    return chosen


def match_cameras(spec: PolicySpec, topics: Sequence[SeenTopic]) -> list[_Found]:
    """Of each camera of the policy its topic, and why.

    Args:
        spec: of the policy.
        topics: of pictures.
    """
    if not topics:
        return [_Found(None, "no topic with pictures was seen") for _ in spec.cameras]
    wanted = [_words_of(spec, camera) for camera in spec.cameras]
    named = np.array(
        [[max(alike(w, words(t.name)) for w in each) for t in topics] for each in wanted]
    )
    sized = np.array([[_size_score(camera, t) for t in topics] for camera in spec.cameras])
    # Missing topics are columns that nobody likes.
    lacking = max(0, len(spec.cameras) - len(topics))
    cost = np.pad(-(named + sized), ((0, 0), (0, lacking)), constant_values=10.0)
    chosen = assign(cost)
    others = rivals(cost, chosen, _TIED)
    found = []
    for row, column in enumerate(chosen):
        tied = [topics[at].name for at in (column, *others[row]) if at < len(topics)]
        if column >= len(topics):
            found.append(
                _Found(None, "fewer topics with pictures were seen than the policy has cameras")
            )
        elif len(tied) > 1 or (others[row] and lacking):
            why = f"{listed(sorted(tied), last='or')}: neither name nor size tells"
            found.append(_Found(None, why, tuple(sorted(tied))))
        else:
            why = _why(named[row], sized[row], column, alone=len(topics) == len(spec.cameras))
            found.append(_Found(topics[column], why))
    return found


def _offered(seen: Seen) -> list[SeenTopic]:
    """Topics of pictures, each camera once: as it is, if it is sent compressed as well."""
    pictures = [
        topic
        for topic in seen.own
        if topic.type in CAMERA_TYPES
        and topic.encoding not in _DEPTH
        and "compresseddepth" not in topic.name.lower()
        and (topic.talkers or not seen.live)
    ]
    raw = {topic.name for topic in pictures if topic.type == IMAGE}
    offered: dict[str, SeenTopic] = {}
    for topic in sorted(pictures, key=lambda each: (CAMERA_TYPES.index(each.type), each.name)):
        plain = _TRANSPORTS.sub("", topic.name)
        if plain == topic.name or plain not in raw:
            offered.setdefault(plain, topic)
    depth = [name for name in offered if "depth" in name.lower()]
    return [each for name, each in sorted(offered.items()) if name not in depth]


def _words_of(spec: PolicySpec, camera: CameraSpec) -> list[frozenset[str]]:
    """Of the feature's name, and of the one that it had in the training data."""
    names = [camera.feature, *(old for old, own in spec.renames.items() if own == camera.feature)]
    return [
        words(name.removeprefix("observation.images").removeprefix("observation.image"))
        for name in names
    ]


def _size_score(camera: CameraSpec, topic: SeenTopic) -> float:
    size = topic.size
    if size is None:
        return 0.0
    if size == Size(camera.height, camera.width):
        return _SAME_SIZE
    return _SAME_SHAPE if _same_shape(camera, size) else 0.0


def _same_shape(camera: CameraSpec, size: Size) -> bool:
    return (
        abs(size.width * camera.height - size.height * camera.width)
        < 0.02 * size.width * camera.height
    )


def _why(
    named: np.ndarray[Any, Any], sized: np.ndarray[Any, Any], column: int, *, alone: bool
) -> str:
    if named[column] > 0:
        return "its name says so" if named[column] >= 1 else "its name is the nearest"
    if len(named) == 1:
        return "it is the only camera there is"
    if sized[column] > np.delete(sized, column).max():
        return "by its size: the others' is another"
    return "it is the one that is left" if alone else "by elimination, and by its size"


def _names(spec: PolicySpec) -> list[str]:
    """A name for each camera that can be part of a topic."""
    short = [
        re.sub(r"[^a-z0-9]+", "_", c.feature.rpartition(".")[2].lower()).strip("_")
        for c in spec.cameras
    ]
    named = [name if name[:1].isalpha() else f"camera_{name}".rstrip("_") for name in short]
    return [name if named.count(name) == 1 else f"{name}_{k}" for k, name in enumerate(named)]


def _write(
    out: Lines, camera: CameraSpec, name: str, found: _Found, topics: Sequence[SeenTopic]
) -> None:
    out.put(f"  - name: {name}")
    topic = found.topic
    # Cameras of one type may be told apart by somebody; their type is known all the same.
    tied = [each for each in topics if each.name in found.others]
    kinds = {each.type for each in tied}
    if topic is None:
        where = f"topic of camera '{name}'"
        out.gap(f"    topic: {FILL_IN}", found.why, where)
    else:
        out.guess(f"    topic: {topic.name}", found.why)
        kinds = {topic.type}
    if len(kinds) == 1:
        out.put(f"    type: {next(iter(kinds))}")
    else:
        out.put(f"    type: {IMAGE}", "if it is sent as it is; CompressedImage for JPEG and PNG")
    out.put(f"    feature: {scalar(camera.feature)}")
    if topic is not None and topic.encoding in ENCODINGS and topic.type == IMAGE:
        out.put(f"    encoding: {topic.encoding}", "as it came; any other is refused")
    out.put("    resize: policy", _resize_why(camera, topic))
    if topic is not None and topic.unstamped:
        out.guess("    stamp: arrival", "its headers have the stamp 0")


def _resize_why(camera: CameraSpec, topic: SeenTopic | None) -> str:
    to = f"{camera.width}x{camera.height}"
    if topic is None or topic.size is None:
        return f"the policy takes {to}"
    size = topic.size
    came = f"{size.width}x{size.height}"
    if size == Size(camera.height, camera.width):
        return f"{came}, as the policy takes it"
    if _same_shape(camera, size):
        return f"{came} comes, the policy takes {to}: the same shape"
    return (
        f"{came} comes, the policy takes {to}: squashed. If the training data were cut or padded, "
        "write a crop or keep_aspect"
    )
