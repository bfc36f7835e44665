# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of the cameras and states that a contract names, fed to the synchroniser."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import QoSProfile, ReliabilityPolicy

from pam_ros.nodes.kit.messages import message_class
from pam_ros.nodes.kit.said import Said
from pam_ros.nodes.kit.video_topic import VIDEO_DEPTH, VideoTopic
from pam_ros.robot import Contract, MessageError, MessageSet, Synchroniser
from pam_ros.robot.observation import measured_positions
from pam_ros.robot.sources import contract_sources
from pam_ros.robot.stamp_faults import Came, stamp_faults
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.sync import sources_by_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

    from pam_ros.message_types import Stamped
    from pam_ros.robot.contract import CameraContract
    from pam_ros.robot.sources import Source

RELIABILITY = {
    "best_effort": ReliabilityPolicy.BEST_EFFORT,
    "reliable": ReliabilityPolicy.RELIABLE,
}
_RECENT = 1024
# Of these it is told whether a source's stamps can be used.
_WATCHED = 64
_WATCHED_S = 2.0


class Sources:
    """What arrives. `ready` is called after every message, where a camera triggers the ticks."""

    def __init__(
        self,
        node: Node,
        contract: Contract,
        values: Mapping[str, Any],
        ready: Callable[[], object] | None,
    ) -> None:
        self._node = node
        self._said = Said(node.get_logger())
        self._contract = contract
        self._ready = ready
        self._lock = threading.Lock()
        self._synchroniser = Synchroniser.for_contract(contract)
        self._videos: list[VideoTopic] = []
        # Why latest_measured gave none; empty where it gave them.
        self.unmeasured = ""
        # Of each topic of the state, the newest messages with their arrival and time [ns].
        self._recent: dict[str, deque[tuple[int, int, Any]]] = {
            topic: deque(maxlen=_RECENT) for topic in contract.state.topics
        }
        self._known = {source.name: source for source in contract_sources(contract)}
        # Of each source, when its newest messages arrived and what their headers say [ns].
        self._came: dict[str, deque[tuple[int, int]]] = {
            name: deque(maxlen=_WATCHED) for name in self._known
        }
        group = MutuallyExclusiveCallbackGroup()
        images = QoSProfile(
            depth=values["image_depth"], reliability=RELIABILITY[values["image_reliability"]]
        )
        joints = QoSProfile(depth=10, reliability=RELIABILITY[values["joint_reliability"]])
        shared = sources_by_topic(contract)
        for topic, camera in {camera.topic: camera for camera in contract.cameras}.items():
            if camera.video:
                self._listen_to_video(camera, shared[topic], images.reliability)
                continue
            node.create_subscription(
                message_class(camera.type),
                topic,
                partial(self._on_image, shared[topic]),
                images,
                callback_group=group,
            )
        for source in contract_sources(contract):
            if source.camera:
                continue
            node.create_subscription(
                message_class(source.type),
                source.topic,
                partial(self._on_numbers, source),
                joints,
                callback_group=group,
            )

    def newest(self, now_ns: int) -> MessageSet | None:
        """The newest set whose stamps agree, once."""
        with self._lock:
            return self._synchroniser.newest(now_ns)

    def clear(self) -> None:
        """Forget what has arrived: an episode starts."""
        with self._lock:
            self._synchroniser.clear()
            for recent in self._recent.values():
                recent.clear()
            for came in self._came.values():
                came.clear()

    def latest_measured(self) -> NDArray[np.float64] | None:
        """Where the commanded joints stand, None where no usable state is recent.

        Every topic of the state must have come lately, also one that measures nothing here: a robot
        of which a part is silent is not enabled.
        """
        with self._lock:
            recent = {topic: self._usable(topic) for topic in self._recent}
        silent = [topic for topic, messages in recent.items() if not messages]
        self.unmeasured = f"nothing recent on {', '.join(silent)}" if silent else ""
        if silent:
            return None
        try:
            return measured_positions(self._contract, lambda topic: recent[topic])
        except MessageError as error:
            self.unmeasured = str(error)
            self._said.warning(str(error))
            return None

    def counts(self) -> dict[str, int]:
        """What was not used, by cause."""
        with self._lock:
            counts = self._synchroniser.counts.copy()
        for video in self._videos:
            counts += video.counts
        return dict(counts)

    def reason(self) -> str:
        """Why there is no new set; empty where there is."""
        with self._lock:
            reason = self._synchroniser.reason
        if not reason:
            return ""
        videos = [video.reason for video in self._videos if video.reason]
        return "; ".join([reason, *self.stamp_faults(), *videos])

    def stamp_faults(self) -> list[str]:
        """Why a source's stamps keep it out of every set, a sentence each, with the cure."""
        now_ns = self._now_ns()
        with self._lock:
            came = {name: list(each) for name, each in self._came.items()}
        lately = {
            name: [pair for pair in each if abs(now_ns - pair[0]) * 1e-9 <= _WATCHED_S]
            for name, each in came.items()
        }
        seen = {
            name: Came([arrival for arrival, _ in pairs], [stamp for _, stamp in pairs])
            for name, pairs in lately.items()
        }
        return list(stamp_faults(self._contract, seen).values())

    def _listen_to_video(
        self, camera: CameraContract, sources: tuple[str, ...], reliability: ReliabilityPolicy
    ) -> None:
        """A packet that is lost costs pictures until the next key frame: many may wait."""
        video = VideoTopic(camera.topic, camera.type)
        self._videos.append(video)

        def take(message: Any) -> None:
            for image in video.take(message):
                self._on_image(sources, image)
            if video.refusal:
                self._said.warning(video.reason)

        self._node.create_subscription(
            video.message_class(),
            camera.topic,
            take,
            QoSProfile(depth=VIDEO_DEPTH, reliability=reliability),
            # Joint states do not wait for a decoder.
            callback_group=MutuallyExclusiveCallbackGroup(),
        )

    def _usable(self, topic: str) -> list[Any]:
        """The messages of a topic that are not too old, the newest first."""
        now_ns = self._now_ns()
        oldest_s = self._contract.max_age_s
        # By both: one that is repeated arrives anew, and stamps may be anything.
        return [
            message
            for arrival_ns, stamp_ns, message in reversed(self._recent[topic])
            if max(abs(now_ns - arrival_ns), abs(now_ns - stamp_ns)) * 1e-9 <= oldest_s
        ]

    def _on_numbers(self, source: Source, message: Any) -> None:
        arrival_ns = self._now_ns()
        stamp_ns = stamp_nanoseconds(message.header.stamp) if source.has_header else arrival_ns
        time_ns = source.time_ns(stamp_ns, arrival_ns)
        with self._lock:
            if source.topic in self._recent:
                self._recent[source.topic].append((arrival_ns, time_ns, message))
        self._add((source.name,), arrival_ns, stamp_ns, message)

    def _on_image(self, sources: tuple[str, ...], message: Stamped) -> None:
        self._add(sources, self._now_ns(), stamp_nanoseconds(message.header.stamp), message)

    def _now_ns(self) -> int:
        nanoseconds: int = self._node.get_clock().now().nanoseconds
        return nanoseconds

    def _add(self, sources: tuple[str, ...], arrival_ns: int, stamp_ns: int, message: Any) -> None:
        with self._lock:
            for name in sources:
                self._came[name].append((arrival_ns, stamp_ns))
                time_ns = self._known[name].time_ns(stamp_ns, arrival_ns)
                self._synchroniser.add(name, time_ns, message)
        if self._ready is not None:
            self._ready()
