# SPDX-License-Identifier: Apache-2.0
"""What parses messages that others publish."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING

from .places import (
    good_contract,
    install_messages,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Parse = Callable[[bytes], None]

CDR_TYPES = (
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/CompressedImage",
    "std_msgs/msg/Float64MultiArray",
    "diagnostic_msgs/msg/DiagnosticArray",
    "trajectory_msgs/msg/JointTrajectory",
    "rosgraph_msgs/msg/Clock",
    "rcl_interfaces/srv/SetParameters_Request",
    "pam_ros/msg/AttentionMap",
    "pam_ros/msg/TokenActivations",
    "pam_ros/msg/TokenGroup",
)


def cdr() -> Parse:
    """CDR of several types, in both byte orders."""
    from .instrumentation import instrument_function  # noqa: PLC0415

    install_messages()
    from rclpy_cyclone.types.cdr import CdrError, Codec  # noqa: PLC0415
    from rclpy_cyclone.types.messages import message_class  # noqa: PLC0415

    codecs = [Codec(name, message_class) for name in CDR_TYPES]
    for codec in codecs:
        for order in (b"\0\1\0\0", b"\0\0\0\0"):
            with contextlib.suppress(CdrError):
                codec.decode(order)
        # Generated code, which no import hook sees.
        for name, function in codec._decoders.items():  # noqa: SLF001
            codec._decoders[name] = instrument_function(function)  # noqa: SLF001

    def parse(data: bytes) -> None:
        if not data:
            return
        codec = codecs[data[0] % len(codecs)]
        try:
            message = codec.decode(data[1:])
        except CdrError:
            return
        # What was taken can be sent again.
        codec.encode(message)

    return parse


def image() -> Parse:
    """A raw Image."""
    from pam_ros.robot.errors import MessageError  # noqa: PLC0415
    from pam_ros.robot.images import ENCODINGS, image_to_rgb  # noqa: PLC0415

    encodings = (*ENCODINGS, "", "8UC3", "16UC1", "RGB8")

    def parse(data: bytes) -> None:
        """Eight bytes of sizes and encoding, then pixels."""
        head, pixels = data[:8].ljust(8, b"\0"), data[8:]
        width, height, step = head[0] | head[7] << 20, head[1] | (head[7] & 1) << 31, head[2]
        if head[3] & 1:
            # Sizes that agree are rare otherwise.
            step = width * ENCODINGS.get(encodings[head[4] % len(encodings)], 1) + head[5] % 3
            height = len(pixels) // step if step else height
            pixels = pixels[: height * step]
        message = SimpleNamespace(
            height=height,
            width=width,
            step=step,
            encoding=encodings[head[4] % len(encodings)],
            is_bigendian=head[6] & 2,
            data=pixels,
        )
        try:
            rgb = image_to_rgb(message, "rgb8" if head[6] & 1 else None)
        except MessageError:
            return
        if rgb.shape != (height, width, 3):
            raise AssertionError(f"a picture of {height}x{width} became one of {rgb.shape}")

    return parse


def compressed_image() -> Parse:
    """A JPEG or PNG."""
    from pam_ros.robot.errors import MessageError  # noqa: PLC0415
    from pam_ros.robot.image_file import MAX_PIXELS  # noqa: PLC0415
    from pam_ros.robot.images import compressed_to_rgb  # noqa: PLC0415

    formats = ("jpeg", "rgb8; jpeg compressed ", "bayer_rggb8; png compressed ", "mono16; png")

    def parse(data: bytes) -> None:
        form = formats[sum(data[-8:]) % len(formats)]
        try:
            rgb = compressed_to_rgb(SimpleNamespace(format=form, data=data))
        except MessageError:
            return
        if rgb.shape[0] * rgb.shape[1] > MAX_PIXELS:
            raise AssertionError(f"a picture of {rgb.shape} was taken")

    return parse


def joints() -> Parse:
    """A JointState to vectors."""
    install_messages()
    import numpy as np  # noqa: PLC0415

    from pam_ros.robot import MessageError, joint_positions  # noqa: PLC0415
    from pam_ros.robot.joints import joint_vector, multi_array_vector  # noqa: PLC0415
    from rclpy_cyclone.types.cdr import CdrError, Codec  # noqa: PLC0415
    from rclpy_cyclone.types.messages import message_class  # noqa: PLC0415

    codec = Codec("sensor_msgs/msg/JointState", message_class)
    joints = good_contract().command.joints

    def parse(data: bytes) -> None:
        try:
            message = codec.decode(data)
        except CdrError:
            return
        for read in (joint_positions, joint_vector):
            try:
                values = read(message, joints)
            except MessageError:
                continue
            if values.shape != (len(joints),) or not np.isfinite(values).all():
                raise AssertionError(f"{message} became {values}")
        try:
            multi_array_vector(SimpleNamespace(data=message.velocity), 2)
        except MessageError:
            return

    return parse


def synchroniser() -> Parse:
    """Stamps and clocks in any order."""
    from pam_ros.robot import Synchroniser  # noqa: PLC0415

    sources = ("top", "wrist", "joint_states")

    def parse(data: bytes) -> None:
        """Three bytes a message: source, and how far its stamp and the clock are from the last."""
        sync = Synchroniser(
            sources, 0.03, 0.5, trigger=(None, "top")[len(data) & 1], depth=8, reset_s=1.0
        )
        now = stamp = 10**18
        for place in range(0, len(data) - 2, 3):
            source, ahead, passed = data[place : place + 3]
            stamp += (ahead - 96) * 10**7
            if source & 64:
                stamp = (0, -1, 2**62, -(2**62))[source >> 4 & 3]
            now += (passed - 64) * 10**7
            sync.add(sources[source % 3], stamp, place)
            found = sync.newest(now)
            if found is not None and found.stamp_ns - found.oldest_ns > 30_000_000:
                raise AssertionError(f"stamps {found.stamps} do not agree")

    return parse
