# SPDX-License-Identifier: Apache-2.0
"""A robot with two nodes, of which it talks to one at a time, and what their commands say."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.node_latency import Plan

START_S = 180.0


@dataclass(frozen=True)
class Stretch:
    """What one node did in some seconds.

    Attributes:
        maps_per_s: valid maps that arrived.
        refill_s: from the stamp of an observation that needed a chunk to its command.
        command_s: the same of the ticks whose action was queued.
        jitter_s: how far the times between two queued actions were from a period.
    """

    maps_per_s: float
    refill_s: NDArray[np.float64]
    command_s: NDArray[np.float64]
    jitter_s: NDArray[np.float64]


def stretch_of(
    maps: Sequence[tuple[float, bool, bool]],
    commands: Sequence[tuple[float, tuple[float, ...]]],
    seconds: float,
    period_s: float,
) -> Stretch:
    """The figures of what arrived in some seconds.

    Args:
        maps: of each tick, in any order: its stamp [s], whether it has a map, and whether its
            command waited for its chunk.
        commands: stamp [s] and positions, in order; one that holds repeats the one before it.
        seconds: how long it took [s].
        period_s: of the ticks [s].
    """
    times = np.array([now[0] for before, now in pairwise(commands) if now[1] != before[1]])
    ticks = sorted(maps)
    ends = [stamp for stamp, _, _ in ticks[1:]] + [np.inf]
    late: dict[bool, list[float]] = {True: [], False: []}
    answered: list[tuple[float, bool]] = []
    following = 0
    for (stamp, _, executed), end in zip(ticks, ends, strict=True):
        # A late command may come after the next observation, and still answers one tick alone.
        place = max(following, int(np.searchsorted(times, stamp)))
        # No tick begins while another one waits for its chunk; a queued action comes at once.
        if place == len(times) or times[place] > end + period_s:
            continue
        following = place + 1
        late[executed].append(float(times[place]) - stamp)
        answered.append((float(times[place]), executed))
    jitter = [
        abs(now - before - period_s)
        for (before, _), (now, executed) in pairwise(answered)
        if not executed
    ]
    valid = sum(valid for _, valid, _ in ticks)
    return Stretch(valid / seconds, np.array(late[True]), np.array(late[False]), np.array(jitter))


class Ears:
    """What arrives from one node."""

    def __init__(self, node: Any, plan: Plan, namespace: str, kinds: Mapping[str, Any]) -> None:
        image, joints = kinds["Image"], kinds["JointState"]
        self.images = [node.create_publisher(image, t, 5) for t in plan.image_topics]
        self.joints = node.create_publisher(joints, plan.joint_topic, 5)
        self._maps: list[tuple[float, bool, bool]] = []
        self._commands: list[tuple[float, tuple[float, ...]]] = []
        self._arrived = 0
        kind, topic = kinds["AttentionMap"], f"{namespace}/act_attention/attention"
        node.create_subscription(kind, topic, self._on_map, 50)
        node.create_subscription(joints, plan.command_topic, self._on_command, 50)
        for overlay in plan.overlay_topics:  # so that overlays are drawn
            node.create_subscription(image, namespace + overlay, lambda _: None, 5)

    def forget(self) -> None:
        """Count from now on."""
        self._maps.clear()
        self._commands.clear()

    def stretch(self, seconds: float, period_s: float) -> Stretch:
        """What has arrived in so many seconds."""
        return stretch_of(self._maps, self._commands, seconds, period_s)

    def _on_map(self, message: Any) -> None:
        stamp = _seconds(message.header.stamp)
        # A chunk that is followed later was computed beside the commands: nobody waited for it.
        waited = message.chunk_executed and message.first_executed_tick == message.tick
        self._maps.append((stamp, bool(message.valid), bool(waited)))

    def _on_command(self, message: Any) -> None:
        self._commands.append((_seconds(message.header.stamp), tuple(message.position)))


class Robot:
    """Cameras and joint states at a rate, for one node at a time; `close` ends it."""

    def __init__(self, plans: Sequence[tuple[str, Plan]], rate_hz: float) -> None:
        import rclpy  # noqa: PLC0415  (the caller installs it)
        from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415
        from sensor_msgs.msg import Image, JointState  # noqa: PLC0415

        from pam_ros.msg import AttentionMap  # noqa: PLC0415

        self._rclpy = rclpy
        rclpy.init()
        self._node = rclpy.create_node("benchmark_robot")
        self._period = 1.0 / rate_hz
        kinds = {"Image": Image, "JointState": JointState, "AttentionMap": AttentionMap}
        self._ears = [Ears(self._node, plan, name, kinds) for name, plan in plans]
        plan = plans[0][1]
        self._state = JointState(name=list(plan.joints), position=[0.1] * len(plan.joints))
        self._image = Image(height=plan.height, width=plan.width, encoding="rgb8")
        self._image.step = plan.width * 3
        size = (plan.height, plan.width, 3)
        noise = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        self._image.data = noise.tobytes()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def wait_for_the_nodes(self) -> bool:
        """Whether both hear everything in time."""
        end = time.monotonic() + START_S
        publishers = [p for ears in self._ears for p in (ears.joints, *ears.images)]
        while not all(publisher.get_subscription_count() for publisher in publishers):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def talk(self, index: int, seconds: float, settle_s: float = 2.0) -> Stretch:
        """Talk to one node for so long, after some seconds that do not count."""
        ears = self._ears[index]
        self._publish_for(ears, settle_s)
        ears.forget()
        begin = time.perf_counter()
        self._publish_for(ears, seconds)
        found = ears.stretch(time.perf_counter() - begin, self._period)
        time.sleep(1.0)  # the last pass ends
        return found

    def close(self) -> None:
        """End thread and node."""
        self._executor.shutdown(timeout_sec=5.0)
        self._thread.join(5.0)
        self._node.destroy_node()
        self._rclpy.try_shutdown()

    def _publish_for(self, ears: Ears, seconds: float) -> None:
        end = due = time.perf_counter()
        end += seconds
        while time.perf_counter() < end:
            stamp = self._node.get_clock().now().to_msg()
            self._state.header.stamp = self._image.header.stamp = stamp
            ears.joints.publish(self._state)
            for publisher in ears.images:
                publisher.publish(self._image)
            due = max(due + self._period, time.perf_counter() - self._period)
            time.sleep(max(0.0, due - time.perf_counter()))


def _seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)
