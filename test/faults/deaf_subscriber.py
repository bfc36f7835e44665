# SPDX-License-Identifier: Apache-2.0
"""Subscribes to what the attention node publishes, says so, and is then stopped by the suite."""

from __future__ import annotations

import sys
import time


def main() -> None:
    """Subscribe reliably with deep queues, and read nothing."""
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    import rclpy  # noqa: PLC0415
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415
    from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy  # noqa: PLC0415
    from sensor_msgs.msg import Image, JointState  # noqa: PLC0415
    from trajectory_msgs.msg import JointTrajectory  # noqa: PLC0415

    from pam_ros.msg import AttentionMap, TokenActivations  # noqa: PLC0415

    rclpy.init(args=[])
    node = rclpy.create_node("deaf_subscriber")
    everything = QoSProfile(
        history=HistoryPolicy.KEEP_ALL, depth=1, reliability=ReliabilityPolicy.RELIABLE
    )
    topics = {
        "/act_attention/attention": AttentionMap,
        "/act_attention/attention/top/image": Image,
        "/act_attention/attention/wrist/image": Image,
        "/act_attention/predicted_chunk": JointTrajectory,
        "/act_attention/tokens": TokenActivations,
        "/joint_commands": JointState,
        "/diagnostics": DiagnosticArray,
    }
    for topic, kind in topics.items():
        node.create_subscription(kind, topic, lambda _: None, everything)
    time.sleep(1.0)
    sys.stdout.write("deaf\n")
    sys.stdout.flush()
    time.sleep(600.0)


if __name__ == "__main__":
    main()
