# SPDX-License-Identifier: Apache-2.0
"""A robot for the attention node: publishes observations and times what comes back.

    python -m bench.peer PLAN.json

The plan is a node_latency.Plan. One observation at a time: the next one goes out when the command,
the map and every overlay of the last have arrived, or not in time. Prints a JSON list with, for
each, seconds from just before the observation is published to the arrival here, and of the forward
pass as the map's message has it. A map and an overlay count where they carry that observation's
stamp, a command where it is the first after it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.share.folders import share_directory
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONGEST = 20.0
"""After so many seconds an answer is lost."""


def main(arguments: Sequence[str]) -> int:
    """Run the plan; the status is 1 where the node never connects."""
    install(interfaces={"pam_ros": share_directory() / "msg"})
    import rclpy  # noqa: PLC0415  (from here on there is one)
    from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415

    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    rclpy.init()
    node = rclpy.create_node("benchmark_peer")
    peer = Peer(node, plan)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        if not peer.wait(peer.connected, seconds=plan["start_seconds"]):
            sys.stderr.write("the attention node did not connect\n")
            return 1
        samples = [peer.ask() for _ in range(plan["warmup"] + plan["observations"])]
        print(json.dumps(samples[plan["warmup"] :]))
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


class Peer:
    """Cameras and joints, and a listener to everything that the node answers."""

    def __init__(self, node: Any, plan: dict[str, Any]) -> None:
        from sensor_msgs.msg import Image, JointState  # noqa: PLC0415  (install comes first)

        from pam_ros.msg import AttentionMap  # noqa: PLC0415

        self._node = node
        self._joint_names = plan["joints"]
        self._joints = node.create_publisher(JointState, plan["joint_topic"], 5)
        self._images = {
            topic: node.create_publisher(Image, topic, 5) for topic in plan["image_topics"]
        }
        self._pixels = np.random.default_rng(0).integers(
            0, 256, (plan["height"], plan["width"], 3), np.uint8
        )
        self._arrivals: dict[str, float] = {}
        self._forward = 0.0
        self._stamp = 0
        self._pause = plan["pause_seconds"]
        self._answers = {
            "command": (JointState, plan["command_topic"]),
            "map": (AttentionMap, plan["map_topic"]),
            **{f"overlay {topic}": (Image, topic) for topic in plan["overlay_topics"]},
        }
        for name, (message_type, topic) in self._answers.items():
            node.create_subscription(message_type, topic, self._listener(name), 5)

    def connected(self) -> bool:
        """Whether the node hears everything and says everything."""
        publishers = [self._joints, *self._images.values()]
        return all(publisher.get_subscription_count() for publisher in publishers) and all(
            self._node.count_publishers(topic) for _, topic in self._answers.values()
        )

    def ask(self) -> dict[str, float]:
        """One observation: seconds until each answer, the last overlay as "overlay"."""
        from sensor_msgs.msg import Image, JointState  # noqa: PLC0415

        time.sleep(self._pause)
        height, width = self._pixels.shape[:2]
        now = self._node.get_clock().now()
        joints = JointState(name=self._joint_names, position=[0.1] * len(self._joint_names))
        image = Image(height=height, width=width, encoding="rgb8", step=width * 3)
        image.data = self._pixels.tobytes()
        joints.header.stamp = image.header.stamp = now.to_msg()
        self._arrivals.clear()
        self._stamp = now.nanoseconds
        start = time.perf_counter()
        self._joints.publish(joints)
        for publisher in self._images.values():
            publisher.publish(image)
        self.wait(lambda: len(self._arrivals) >= len(self._answers), LONGEST)
        taken = {name: at - start for name, at in dict(self._arrivals).items()}
        overlays = [taken.pop(name) for name in list(taken) if name.startswith("overlay")]
        if len(overlays) == len(self._answers) - 2:
            taken["overlay"] = max(overlays)
        if "map" in taken:
            taken["forward"] = self._forward
        return taken

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def _listener(self, name: str) -> Callable[[Any], None]:
        def heard(message: Any) -> None:
            at = time.perf_counter()
            stamp = message.header.stamp
            its_own = name == "command"  # commands carry the time at which they were sent
            if its_own or stamp.sec * 10**9 + stamp.nanosec == self._stamp:
                if name == "map":
                    self._forward = message.forward_seconds
                self._arrivals.setdefault(name, at)

        return heard


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
