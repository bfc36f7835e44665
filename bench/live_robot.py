# SPDX-License-Identifier: Apache-2.0
"""A robot for the live page: what a recorded demo published, again and again at its rate.

    python -m bench.live_robot BAG RATE_HZ

Takes the place of act_attention on the graph, with its topics and the parameters that a page sets.
Overlays are the recorded ones as JPEG; each message carries the time at which it goes out. Like the
node, it makes overlays and chunks only for whoever subscribes. Prints a line once it publishes, and
at its end how many pictures it has sent.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.bags import BagReader
from pam_ros.live.robot import SHOWN
from pam_ros.share.folders import share_directory
from pam_ros.sim.processes import Stop
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE = "act_attention"
CAMERAS = ("top", "wrist")
OVERLAY = f"/{NODE}/attention/{{}}/image"
NUMBERS = {
    f"/{NODE}/attention": "pam_ros/msg/AttentionMap",
    f"/{NODE}/predicted_chunk": "trajectory_msgs/msg/JointTrajectory",
    "/joint_commands": "sensor_msgs/msg/JointState",
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
}
START = {
    "attention_method": "rollout", "attention_layer": -1, "attention_head": "mean",
    "attention_query": "mean", "contribution_target": "chunk", "overlay_scale": "running",
    "overlay_alpha": 0.6, "overlay_colormap": "turbo", "enabled": False, "instruction": "",
    "contract": "demo_arm", "policy": "",
}  # fmt: skip
JPEG_QUALITY = 85
MOST = 200


def main(arguments: Sequence[str]) -> int:
    """Publish until SIGINT."""
    install(interfaces={"pam_ros": share_directory() / "msg"})
    import rclpy  # noqa: PLC0415  (from here on there is one)
    from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415
    from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

    stop = Stop()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    robot = RecordedRobot(Path(arguments[0]))
    executor = SingleThreadedExecutor()
    executor.add_node(robot.node)
    period = 1.0 / float(arguments[1])
    print("publishing", flush=True)
    due = time.monotonic()
    while not stop.asked:
        robot.publish()
        due = max(due + period, time.monotonic())
        while (left := due - time.monotonic()) > 0 and not stop.asked:
            executor.spin_once(timeout_sec=left)
    print(f"{robot.pictures} pictures sent", flush=True)
    return 0


class RecordedRobot:
    """The node, and what it publishes in turn."""

    def __init__(self, bag: Path) -> None:
        import rclpy  # noqa: PLC0415
        from std_srvs.srv import SetBool, Trigger  # noqa: PLC0415

        from pam_ros.nodes.kit.messages import message_class  # noqa: PLC0415

        self.node = rclpy.create_node(NODE)
        assert set(SHOWN) <= set(START)
        for name, value in START.items():
            self.node.declare_parameter(name, value)
        self.node.create_service(SetBool, "~/enable", self._enable)
        self.node.create_service(Trigger, "~/reset", _done)
        self._turn = 0
        self.pictures = 0
        self._messages: dict[str, list[Any]] = recorded(bag)
        kinds = {**NUMBERS, **dict.fromkeys(map(_compressed, CAMERAS), COMPRESSED)}
        self._publishers = {
            topic: self.node.create_publisher(message_class(kind), topic, 10)
            for topic, kind in kinds.items()
            if self._messages.get(topic)
        }

    def publish(self) -> None:
        """One tick's messages, with the time of now."""
        now = self.node.get_clock().now().to_msg()
        for topic, publisher in self._publishers.items():
            if topic == "/diagnostics" and self._turn % 10:
                continue
            only_if_heard = topic != f"/{NODE}/attention" and topic.startswith(f"/{NODE}/")
            if only_if_heard and not publisher.get_subscription_count():
                continue
            messages = self._messages[topic]
            message = messages[self._turn % len(messages)]
            message.header.stamp = now
            publisher.publish(message)
            self.pictures += topic.endswith("compressed")
        self._turn += 1

    def _enable(self, request: Any, response: Any) -> Any:
        from rclpy.parameter import Parameter  # noqa: PLC0415

        self.node.set_parameters([Parameter("enabled", value=request.data)])
        return _done(request, response)


COMPRESSED = "sensor_msgs/msg/CompressedImage"


def recorded(bag: Path) -> dict[str, list[Any]]:
    """The first messages of each topic; overlays as JPEG, where the node would publish them so."""
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from rclpy.serialization import deserialize_message  # noqa: PLC0415

    from pam_ros.nodes.kit.messages import message_class  # noqa: PLC0415

    overlays = {OVERLAY.format(camera): camera for camera in CAMERAS}
    found: dict[str, list[Any]] = {}
    with BagReader(bag) as reader:
        for one in reader.messages([t for t in (*NUMBERS, *overlays) if t in reader.topics]):
            topic = _compressed(overlays[one.topic]) if one.topic in overlays else one.topic
            messages = found.setdefault(topic, [])
            if len(messages) >= MOST:
                continue
            message = deserialize_message(bytes(one.data), message_class(one.type))
            if one.topic in overlays:
                pixels = np.frombuffer(message.data, np.uint8)
                pixels = pixels.reshape(message.height, message.width, 3)[:, :, ::-1]
                quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
                data = cv2.imencode(".jpg", pixels, quality)[1].tobytes()
                message = message_class(COMPRESSED)(format="jpeg", data=data)
            messages.append(message)
    # Only a tick with a map has an overlay.
    attention = f"/{NODE}/attention"
    found[attention] = [one for one in found.get(attention, []) if one.valid]
    return found


def _compressed(camera: str) -> str:
    return f"{OVERLAY.format(camera)}/compressed"


def _done(_: Any, response: Any) -> Any:
    response.success, response.message = True, "done"
    return response


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
