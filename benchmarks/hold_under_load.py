# SPDX-License-Identifier: Apache-2.0
"""How soon the robot is held when the policy hangs, with and without Python's lock, on busy cores.

    python benchmarks/hold_under_load.py [--busy 2] [--hangs 20] [--rate 10]

The node runs as a process with the demo's policy; this one plays the robot, and measures from the
last command before a hang to the first one of the hang, which holds. Beside them run busy
processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
HANG_S = 1.0
SETTLE_S = 1.0


def main() -> int:
    """Print one line per kind of hang."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=2, help="busy processes beside")
    parser.add_argument("--hangs", type=int, default=20, help="of each kind")
    parser.add_argument("--rate", type=float, default=10.0, help="ticks per second [Hz]")
    options = parser.parse_args()
    os.environ.setdefault("ROS_DOMAIN_ID", str(10 + os.getpid() % 90))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    from pam_ros.embedded import install  # noqa: PLC0415
    from pam_ros.share import share_directory  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    with tempfile.TemporaryDirectory() as folder:
        wishes = Path(folder) / "wishes"
        node = _start_node(wishes, options.rate)
        busy = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(options.busy)
        ]
        try:
            _measure(node, wishes, options)
        finally:
            for process in (*busy, node):
                process.kill()
                process.wait()
    return 0


def _start_node(wishes: Path, rate: float) -> subprocess.Popen[bytes]:
    program = ROOT / "test" / "nodes" / "hanging_node.py"
    given = {"policy": ROOT / "models" / "demo_act", "contract": "demo_arm", "enabled": "true",
             "rate_hz": rate, "temporal_ensemble": "true", "engine": "eager",
             "torch_threads": 1}  # fmt: skip
    words = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(program), str(wishes), "--ros-args", "--log-level", "error", *words],
        env=environment, cwd=ROOT,
    )  # fmt: skip


def _measure(node: subprocess.Popen[bytes], wishes: Path, options: argparse.Namespace) -> None:
    import rclpy  # noqa: PLC0415  (the embedded one, once it is in place)

    rclpy.init(args=[])
    robot, commands = _robot(options.rate)
    executor = rclpy.executors.SingleThreadedExecutor()
    executor.add_node(robot)
    threading.Thread(target=executor.spin, daemon=True).start()
    while len(commands) < 3 * options.rate:
        time.sleep(0.1)
        if node.poll() is not None:
            raise RuntimeError("the node has ended")
    period = 1.0 / options.rate
    print(f"{options.busy} busy processes on {os.cpu_count()} cores, {options.rate:g} Hz")
    for word in ("lock", "free"):
        gaps = []
        for _ in range(options.hangs):
            wishes.write_text(f"{word} {HANG_S}")
            while wishes.exists():
                time.sleep(0.001)
            began = time.monotonic()
            time.sleep(HANG_S)
            # From the last command before the hang to the end of it, but for what ends it.
            times = np.array([at for at in commands if at < began + HANG_S - period])
            last = np.flatnonzero(times < began)[-1]
            gaps.append(np.diff([*times[last:], began + HANG_S - period]) / period)
            time.sleep(SETTLE_S)
        print(
            f"hang with Python's lock {'kept' if word == 'lock' else 'free'}: held after "
            f"{np.median([gap[0] for gap in gaps]):.2f} periods in the median, "
            f"{max(gap[0] for gap in gaps):.2f} at most, of {len(gaps)} hangs; never longer than "
            f"{max(gap.max() for gap in gaps):.2f} periods without a command"
        )
    executor.shutdown()
    rclpy.try_shutdown()


def _robot(rate: float) -> tuple[Any, list[float]]:
    """A node that publishes the demo robot's topics, and the times of the commands it gets."""
    import rclpy  # noqa: PLC0415
    from sensor_msgs.msg import Image, JointState  # noqa: PLC0415

    from pam_ros.robot import load_contract  # noqa: PLC0415
    from pam_ros.share import find_contract  # noqa: PLC0415

    contract = load_contract(find_contract("demo_arm"))
    node = rclpy.create_node("robot")
    images = [node.create_publisher(Image, camera.topic, 2) for camera in contract.cameras]
    joints = node.create_publisher(JointState, contract.state.topic, 2)
    commands: list[float] = []
    node.create_subscription(
        JointState, contract.command.topic, lambda _: commands.append(time.monotonic()), 50
    )
    names = [joint.name for joint in contract.state.joints]
    image = Image(height=240, width=320, encoding="rgb8", step=320 * 3)
    image.data = np.full((240, 320, 3), 90, np.uint8).tobytes()

    def observe() -> None:
        stamp = node.get_clock().now().to_msg()
        image.header.stamp = stamp
        state = JointState(name=names, position=[0.0] * len(names))
        state.header.stamp = stamp
        joints.publish(state)
        for publisher in images:
            publisher.publish(image)

    node.create_timer(1.0 / rate, observe)
    return node, commands


if __name__ == "__main__":
    sys.exit(main())
