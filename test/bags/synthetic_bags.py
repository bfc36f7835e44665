# SPDX-License-Identifier: Apache-2.0
"""Bags made of known pictures at known stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pam_ros.bags import BagWriter
from pam_ros.bags.types import known_types

TYPES = known_types()
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND


def stamp(ns: int):
    return TYPES.types["builtin_interfaces/msg/Time"](sec=ns // SECOND, nanosec=ns % SECOND)


def header(ns: int, frame: str = "camera"):
    return TYPES.types["std_msgs/msg/Header"](stamp=stamp(ns), frame_id=frame)


def image_cdr(ns: int, rgb: np.ndarray, encoding: str = "rgb8") -> bytes:
    pixels = rgb if encoding == "rgb8" else rgb[:, :, ::-1]
    message = TYPES.types["sensor_msgs/msg/Image"](
        header=header(ns),
        height=rgb.shape[0],
        width=rgb.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=3 * rgb.shape[1],
        data=np.ascontiguousarray(pixels).reshape(-1),
    )
    return bytes(TYPES.serialize_cdr(message, "sensor_msgs/msg/Image"))


def string_cdr(text: str) -> bytes:
    message = TYPES.types["std_msgs/msg/String"](data=text)
    return bytes(TYPES.serialize_cdr(message, "std_msgs/msg/String"))


def plain(color: tuple[int, int, int], height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), color, dtype=np.uint8)


@dataclass(frozen=True)
class Shot:
    """One picture: topic, header stamp and time of recording in seconds, and its colour."""

    topic: str
    stamp_s: float
    received_s: float
    color: tuple[int, int, int]
    encoding: str = "rgb8"


def write_shots(path, shots: list[Shot], storage: Literal["mcap", "sqlite3"] = "mcap") -> None:
    with BagWriter(path, storage) as writer:
        for shot in sorted(shots, key=lambda shot: shot.received_s):
            writer.add_topic(shot.topic, "sensor_msgs/msg/Image")
            stamp_ns = START_NS + round(shot.stamp_s * SECOND)
            data = image_cdr(stamp_ns, plain(shot.color), shot.encoding)
            writer.write(shot.topic, data, START_NS + round(shot.received_s * SECOND))
