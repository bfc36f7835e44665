# SPDX-License-Identifier: Apache-2.0
"""The cameras of a contract file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pam_ros.policy.resizing import INTERPOLATIONS
from pam_ros.robot.contract import (
    ALIGNMENTS,
    CAMERA_TYPES,
    ROTATIONS,
    CameraContract,
    Crop,
    Resizing,
    Size,
)
from pam_ros.robot.images import ENCODINGS
from pam_ros.robot.section import Section, read_stamping, read_topic, repeated

if TYPE_CHECKING:
    from typing import Literal

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_cameras(root: Section) -> tuple[CameraContract, ...]:
    """The cameras of the file; what is wrong with them joins the root's problems."""
    cameras = [
        _read_camera(Section(item, f"cameras[{index}]", root.problems))
        # A policy of an environment state may see nothing.
        for index, item in enumerate(root.items("cameras", required=not root.has("environment")))
    ]
    for field in ("name", "feature"):
        values = [getattr(camera, field) for camera in cameras]
        root.problems.extend(
            f"cameras: {field} '{value}' is given twice" for value in repeated(values)
        )
    for topic in repeated(camera.topic for camera in cameras):
        sharing = [camera for camera in cameras if camera.topic == topic]
        names = " and ".join(f"'{camera.name}'" for camera in sharing)
        root.problems.extend(
            f"cameras {names} share {topic}: give them the same {key}"
            for key in ("type", "encoding")
            if len({getattr(camera, key) for camera in sharing}) > 1
        )
        if len({camera.stamping for camera in sharing}) > 1:
            root.problems.append(
                f"cameras {names} share {topic}: give them the same stamp and stamp_offset_s"
            )
    return tuple(cameras)


def _read_camera(section: Section) -> CameraContract:
    name = section.text("name", required=True)
    if name is not None and not _NAME.fullmatch(name):
        section.problem(
            "name",
            f"is '{name}'; it becomes part of a topic: lower-case letters, digits and underscores, "
            "a letter first",
        )
    feature = section.text("feature", required=True)
    if feature is not None and not feature.startswith("observation.image"):
        section.problem("feature", f"is '{feature}'; it must start with observation.images.")
    kind = section.choice("type", CAMERA_TYPES) or CAMERA_TYPES[0]
    encoding = section.choice("encoding", tuple(ENCODINGS))
    topic = read_topic(section)
    size, resizing = _read_resize(section)
    camera = CameraContract(
        name=name or "",
        topic=topic,
        type=kind,
        feature=feature or "",
        encoding=encoding,
        crop=_read_crop(section),
        resize=size,
        rotate=_read_rotation(section, topic),
        resizing=resizing,
        stamping=read_stamping(section, topic, has_header=True),
        camera_info=read_topic(section, "camera_info", required=False) or None,
    )
    if camera.encoding is not None and (camera.compressed or camera.video):
        short = camera.type.rpartition("/")[2]
        section.problem("encoding", f"says nothing about a {short}; remove it")
    section.finish()
    return camera


def _read_rotation(camera: Section, topic: str) -> int:
    value = camera.take("rotate")
    if value is None:
        return 0
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value not in ROTATIONS:
        camera.problem(
            "rotate",
            f"is {value}; {topic or 'a camera'} can be turned clockwise by 90, 180 or 270 degrees",
        )
        return 0
    return int(value)


def _read_crop(camera: Section) -> Crop | None:
    section = camera.section("crop")
    if section is None:
        return None
    x, y = section.whole("x", required=True), section.whole("y", required=True)
    width = section.whole("width", required=True, minimum=1)
    height = section.whole("height", required=True, minimum=1)
    section.finish()
    return Crop(x or 0, y or 0, width or 1, height or 1)


def _read_resize(camera: Section) -> tuple[Size | Literal["policy"] | None, Resizing]:
    if camera.data.get("resize") == "policy":
        camera.take("resize")
        return "policy", Resizing()
    if isinstance(camera.data.get("resize"), str):
        camera.take("resize")
        camera.problem("resize", "must be {height: ..., width: ...} or the word policy")
        return None, Resizing()
    section = camera.section("resize")
    if section is None:
        return None, Resizing()
    # How, and not how large: to the policy's size.
    sized = not section.data.keys() & {"interpolation", "keep_aspect", "pad_value"}
    sized = sized or bool(section.data.keys() & {"height", "width"})
    height = section.whole("height", required=sized, minimum=1)
    width = section.whole("width", required=sized, minimum=1)
    pad_value = section.whole("pad_value")
    resizing = Resizing(
        interpolation=section.choice("interpolation", INTERPOLATIONS),
        keep_aspect=_read_keep_aspect(section),
        pad_value=pad_value or 0,
    )
    if pad_value is not None and pad_value > 255:
        section.problem("pad_value", f"is {pad_value}; it must be a grey from 0 to 255")
    elif pad_value is not None and resizing.keep_aspect is None:
        section.problem("pad_value", "fills what 'keep_aspect: true' leaves free; add it")
    section.finish()
    return (Size(height or 1, width or 1) if sized else "policy"), resizing


def _read_keep_aspect(section: Section) -> str | None:
    if isinstance(section.data.get("keep_aspect"), bool):
        return "center" if section.switch("keep_aspect") else None
    value = section.take("keep_aspect")
    if value is None:
        return None
    if not isinstance(value, str) or value not in ALIGNMENTS:
        words = f"true, false, {', '.join(ALIGNMENTS)}"
        section.problem("keep_aspect", f"is {value}; it must be one of {words}")
        return None
    return value
