# SPDX-License-Identifier: Apache-2.0
"""One end of the middleware benchmark: a talker or a listener on whatever rclpy there is.

    python embedded_peer.py talker|listener embedded|ros2

Runs by ROS 2's own Python as well as by this package's, so it needs rclpy alone. Commands come as
JSON lines on stdin, answers go out as JSON lines. A message carries CLOCK_MONOTONIC, which all
processes of a machine share, in its stamp, taken just before publish(), and its number in
frame_id; the listener notes the clock first thing in its callback.
"""

from __future__ import annotations

import array
import json
import sys
import threading
import time
from typing import Any

WIDTH, HEIGHT = 640, 480
JOINTS = 7
DEPTHS = {"image": 5, "joint_state": 10}


def main() -> None:
    """Play the role until stdin ends."""
    role, runtime = sys.argv[1:]
    if runtime == "embedded":
        from rclpy_cyclone import install  # noqa: PLC0415  (not there for ROS 2's Python)

        install()
    import rclpy  # noqa: PLC0415  (from here on there is one)

    rclpy.init()
    node = rclpy.create_node(f"benchmark_{role}")
    try:
        Talker(node).serve() if role == "talker" else Listener(node).serve()
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def message_types() -> dict[str, Any]:
    """The type of each topic."""
    from sensor_msgs.msg import Image, JointState  # noqa: PLC0415  (main() installs them)

    return {"image": Image, "joint_state": JointState}


def answer(fields: dict[str, Any]) -> None:
    """One line to whoever runs the benchmark."""
    print(json.dumps(fields), flush=True)


class Talker:
    """Publishes numbered messages at a rate, or as fast as it can."""

    def __init__(self, node: Any) -> None:
        types = message_types()
        self._publishers = {
            name: node.create_publisher(kind, name, DEPTHS[name]) for name, kind in types.items()
        }
        pixels = array.array("B", bytes(range(256)) * (WIDTH * HEIGHT * 3 // 256))
        image = types["image"](height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * 3)
        image.data = pixels
        joints = types["joint_state"](name=[f"joint_{k}" for k in range(JOINTS)])
        joints.position = joints.velocity = joints.effort = [0.1 * k for k in range(JOINTS)]
        self._messages = {"image": image, "joint_state": joints}

    def serve(self) -> None:
        """Publish what each line of stdin asks for."""
        for line in sys.stdin:
            plan = json.loads(line)
            publisher = self._publishers[plan["topic"]]
            end = time.monotonic() + 30.0
            while not publisher.get_subscription_count() and time.monotonic() < end:
                time.sleep(0.01)
            if not publisher.get_subscription_count():
                answer({"problem": "the talker and the listener did not find each other"})
                continue
            cpu, start = time.process_time(), time.monotonic()
            self._publish(publisher, self._messages[plan["topic"]], plan["count"], plan["rate"])
            answer(
                {
                    "sent": plan["count"],
                    "seconds": time.monotonic() - start,
                    "cpu": time.process_time() - cpu,
                }
            )

    @staticmethod
    def _publish(publisher: Any, message: Any, count: int, rate: float) -> None:
        """Send `count` messages, `rate` a second; 0: one after the other."""
        due = time.monotonic()
        for index in range(count):
            if rate:
                due += 1.0 / rate
                time.sleep(max(due - time.monotonic(), 0.0))
            message.header.frame_id = str(index)
            now = time.monotonic_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 10**9)
            publisher.publish(message)


class Listener:
    """Notes when each message arrives."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._heard: list[tuple[int, int]] = []
        self._first = self._last = 0
        self._done = False
        self._subscriptions = [
            node.create_subscription(kind, name, self._hear, DEPTHS[name])
            for name, kind in message_types().items()
        ]

    def _hear(self, message: Any) -> None:
        now = time.monotonic_ns()
        stamp = message.header.stamp
        sent = stamp.sec * 10**9 + stamp.nanosec
        self._first = self._first or now
        self._last = now
        self._heard.append((int(message.header.frame_id), now - sent))

    def serve(self) -> None:
        """Spin, and answer each line of stdin with what was heard since the last one."""
        from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415

        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        threading.Thread(target=self._serve_stdin, daemon=True).start()
        while not self._done:
            executor.spin_once(timeout_sec=0.2)
        executor.shutdown()

    def _serve_stdin(self) -> None:
        cpu = time.process_time()
        for _ in sys.stdin:
            heard, self._heard = self._heard, []
            seconds = (self._last - self._first) * 1e-9
            self._first = 0
            answer(
                {
                    "numbers": [number for number, _ in heard],
                    "latencies_ms": [latency * 1e-6 for _, latency in heard],
                    "seconds": seconds,
                    "cpu": time.process_time() - cpu,
                }
            )
            cpu = time.process_time()
        self._done = True


if __name__ == "__main__":
    main()
