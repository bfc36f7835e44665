# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of the cameras and states that a contract names, fed to the synchroniser."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray

from pam_ros.robot import (
    ENVIRONMENT,
    STATE,
    Contract,
    MessageError,
    MessageSet,
    Synchroniser,
    joint_positions,
)
from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from rclpy.node import Node

RELIABILITY = {
    "best_effort": ReliabilityPolicy.BEST_EFFORT,
    "reliable": ReliabilityPolicy.RELIABLE,
}


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
        self._contract = contract
        self._ready = ready
        self._lock = threading.Lock()
        self._synchroniser = Synchroniser.for_contract(contract)
        self._latest_state: JointState | None = None
        self._latest_arrival_ns = 0
        group = MutuallyExclusiveCallbackGroup()
        images = QoSProfile(
            depth=values["image_depth"], reliability=RELIABILITY[values["image_reliability"]]
        )
        joints = QoSProfile(depth=10, reliability=RELIABILITY[values["joint_reliability"]])
        for camera in contract.cameras:
            node.create_subscription(
                CompressedImage if camera.compressed else Image,
                camera.topic,
                partial(self._on_message, camera.name),
                images,
                callback_group=group,
            )
        node.create_subscription(
            JointState, contract.state.topic, self._on_state, joints, callback_group=group
        )
        if contract.environment is not None:
            node.create_subscription(
                Float64MultiArray,
                contract.environment.topic,
                self._on_environment,
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
            self._latest_state = None

    def latest_measured(self) -> NDArray[np.float64] | None:
        """Positions [rad] of the commanded joints, None where no usable joint state is recent."""
        state = self._latest_state
        if state is None:
            return None
        now_ns = self._node.get_clock().now().nanoseconds
        # By both: one that is repeated arrives anew, and stamps may be anything.
        for then_ns in (self._latest_arrival_ns, stamp_nanoseconds(state.header.stamp)):
            if abs(now_ns - then_ns) * 1e-9 > self._contract.max_age_s:
                return None
        try:
            return joint_positions(state, self._contract.command.joints)
        except MessageError as error:
            self._node.get_logger().warning(str(error), throttle_duration_sec=1.0)
            return None

    def counts(self) -> dict[str, int]:
        """What was not used, by cause."""
        with self._lock:
            return dict(self._synchroniser.counts)

    def reason(self) -> str:
        """Why there is no new set; empty where there is."""
        with self._lock:
            return self._synchroniser.reason

    def _on_state(self, message: JointState) -> None:
        self._latest_arrival_ns = self._node.get_clock().now().nanoseconds
        self._latest_state = message
        self._on_message(STATE, message)

    def _on_environment(self, message: Float64MultiArray) -> None:
        # It carries no stamp: the time of arrival stands in for one.
        self._add(ENVIRONMENT, self._node.get_clock().now().nanoseconds, message)

    def _on_message(self, source: str, message: Any) -> None:
        self._add(source, stamp_nanoseconds(message.header.stamp), message)

    def _add(self, source: str, stamp_ns: int, message: Any) -> None:
        with self._lock:
            self._synchroniser.add(source, stamp_ns, message)
        if self._ready is not None:
            self._ready()
