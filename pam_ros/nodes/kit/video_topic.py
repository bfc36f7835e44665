# SPDX-License-Identifier: Apache-2.0
"""A subscribed video topic: packets in, pictures out as if the camera had sent them raw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from std_msgs.msg import Header

from pam_ros.nodes.kit.messages import message_class
from pam_ros.robot.errors import ContractError, MessageError
from pam_ros.robot.video import VideoDecoder, decoded_image, read_packet, stamp_and_frame

if TYPE_CHECKING:
    from collections import Counter

    from pam_ros.robot.video import DecodedImage

VIDEO_DEPTH = 100
"""Packets that may wait for a busy node; one that is lost costs more than its own picture."""


class VideoTopic:
    """One topic. Not thread-safe: its callbacks come one after the other.

    Args:
        topic: its name.
        kind: one of the contract's VIDEO_TYPES.

    refusal: why the last packet is not read at all, empty if it is.
    """

    def __init__(self, topic: str, kind: str) -> None:
        self._topic, self._kind = topic, kind
        self._decoder: VideoDecoder[Header] = VideoDecoder()
        self._heard = False
        self.refusal = ""

    def message_class(self) -> type[Any]:
        """The class of its messages.

        Raises:
            ContractError: this ROS 2 lacks the package.
        """
        try:
            return message_class(self._kind)
        except ImportError:
            package = self._kind.split("/")[0]
            raise ContractError(
                f"{self._topic} is {self._kind}, and the package {package} is not installed: "
                f"apt install ros-$ROS_DISTRO-{package.replace('_', '-')}"
            ) from None

    @property
    def counts(self) -> Counter[str]:
        """Packets that gave no picture, by cause."""
        counts = self._decoder.counts.copy()
        for cause in list(counts):
            counts[f"video_{cause}"] = counts.pop(cause)
        return counts

    @property
    def reason(self) -> str:
        """Why no picture came of the last packets; empty while pictures come, or no packet came."""
        reason = self.refusal or (self._decoder.reason if self._heard else "")
        return reason and f"{self._topic}: {reason}"

    def take(self, message: Any) -> list[DecodedImage]:
        """The pictures that are complete with this packet."""
        self._heard = True
        stamp, frame_id = stamp_and_frame(self._kind, message)
        header = Header(stamp=stamp, frame_id=frame_id)
        try:
            shown = self._decoder.take(read_packet(self._kind, message), header)
        except MessageError as error:
            self.refusal = str(error)
            return []
        self.refusal = ""
        return [decoded_image(one, rgb) for one, rgb in shown if rgb is not None]
