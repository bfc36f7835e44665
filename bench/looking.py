# SPDX-License-Identifier: Apache-2.0
"""Maps per second of a node that commands nothing, beside the passes of the bare policy.

    python -m bench.looking [--size default] [--rate 30] [--seconds 10] [--rounds 5]

The real node in a process of its own, disabled, in queue mode, and a robot that publishes its
cameras and joint states at the given rate, in turns with the same policy alone in this process,
while the robot is silent. Both have the same engine and as many threads. The ratio is the median
over rounds; the status is 1 if it is below 0.8.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.machine import run_again_with_sleeping_threads
from bench.node_latency import write_robot
from bench.sizes import make_subject
from pam_ros.policy import load_policy
from pam_ros.share.folders import share_directory
from pam_ros.sim.processes import Processes, own_domain
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from rclpy.publisher import Publisher

    from pam_ros.policy import Policy

FEWEST = 0.8
START_S = 180.0


def main(arguments: Sequence[str]) -> int:
    """Measure, print a line per round and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="default", help="of bench.sizes")
    parser.add_argument("--rate", type=float, default=30.0, help="of cameras and ticks [Hz]")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", default="eager")
    options = parser.parse_args(arguments)
    run_again_with_sleeping_threads("bench.looking", arguments)
    own_domain(None)
    install(interfaces={"pam_ros": share_directory() / "msg"})
    subject = make_subject(options.size)
    config = subject.policy.config
    config.n_action_steps, config.temporal_ensemble_coeff = config.chunk_size, None
    with TemporaryDirectory() as name:
        folder = Path(name)
        subject.save(folder / "policy")
        plan = asdict(write_robot(subject, folder, 0, options.rate))
        policy = load_policy(folder / "policy", device="cpu", engine=options.engine)
        processes = Processes(folder)
        processes.start(
            "act_attention",
            policy=folder / "policy",
            contract=folder / "contract.yaml",
            torch_threads=torch.get_num_threads(),
            engine=options.engine,
        )
        robot = Robot(plan, options.rate)
        try:
            ratios = _rounds(robot, policy, subject.observation, options)
        finally:
            robot.close()
            processes.stop_all()
    ratio = float(np.median(ratios))
    print(json.dumps({"size": options.size, "rate_hz": options.rate, "ratio": round(ratio, 3)}))
    return 0 if ratio >= FEWEST else 1


def _rounds(
    robot: Robot,
    policy: Policy,
    observation: Mapping[str, NDArray[np.generic]],
    options: argparse.Namespace,
) -> list[float]:
    if not robot.wait_for_the_node():
        message = "the attention node did not connect"
        raise RuntimeError(message)
    robot.maps_in(2.0)
    ratios = []
    for index in range(options.rounds):
        maps, ticks = robot.maps_in(options.seconds)
        bare = _passes_per_second(policy, observation, options.seconds)
        ratios.append(maps / bare)
        print(
            f"round {index + 1}: {maps:.2f} maps/s of {ticks:.2f} ticks/s, bare policy "
            f"{bare:.2f} passes/s, ratio {maps / bare:.2f}",
            flush=True,
        )
    return ratios


def _passes_per_second(
    policy: Policy, observation: Mapping[str, NDArray[np.generic]], seconds: float
) -> float:
    policy.explain(observation)
    passes, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        policy.explain(observation)
        passes += 1
    return passes / (time.perf_counter() - begin)


class Robot:
    """Cameras and joint states at a rate while it is not silent, and a listener to the maps."""

    def __init__(self, plan: Mapping[str, Any], rate_hz: float) -> None:
        import rclpy  # noqa: PLC0415  (main() installs it)
        from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415
        from sensor_msgs.msg import Image, JointState  # noqa: PLC0415

        from pam_ros.msg import AttentionMap  # noqa: PLC0415

        self._rclpy = rclpy
        rclpy.init()
        self._node = rclpy.create_node("benchmark_robot")
        self._period = 1.0 / rate_hz
        self._joints = self._node.create_publisher(JointState, plan["joint_topic"], 5)
        self._images = [self._node.create_publisher(Image, t, 5) for t in plan["image_topics"]]
        height, width = plan["height"], plan["width"]
        self._state = JointState(name=plan["joints"], position=[0.1] * len(plan["joints"]))
        self._image = Image(height=height, width=width, encoding="rgb8", step=width * 3)
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self._image.data = noise.tobytes()
        self._heard: list[bool] = []
        self._node.create_subscription(AttentionMap, plan["map_topic"], self._on_map, 50)
        for topic in plan["overlay_topics"]:  # so that overlays are drawn
            self._node.create_subscription(Image, topic, lambda _: None, 5)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._talking = threading.Event()
        self._over = False
        self._threads = [
            threading.Thread(target=self._executor.spin, daemon=True),
            threading.Thread(target=self._talk, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_the_node(self) -> bool:
        """Whether it hears everything in time."""
        end = time.monotonic() + START_S
        publishers: list[Publisher[Any]] = [self._joints, *self._images]
        while not all(publisher.get_subscription_count() for publisher in publishers):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def maps_in(self, seconds: float) -> tuple[float, float]:
        """Valid maps and ticks per second while the robot talks for so long."""
        self._talking.set()
        time.sleep(1.0)  # the queues fill
        self._heard.clear()
        begin = time.perf_counter()
        time.sleep(seconds)
        heard, passed = list(self._heard), time.perf_counter() - begin
        self._talking.clear()
        time.sleep(1.0)  # the last tick ends
        return sum(heard) / passed, len(heard) / passed

    def close(self) -> None:
        """End threads and node."""
        self._over = True
        self._talking.set()
        self._executor.shutdown(timeout_sec=5.0)
        for thread in self._threads:
            thread.join(5.0)
        self._node.destroy_node()
        self._rclpy.try_shutdown()

    def _on_map(self, message: Any) -> None:
        self._heard.append(bool(message.valid))

    def _talk(self) -> None:
        due = time.perf_counter()
        while not self._over:
            self._talking.wait()
            stamp = self._node.get_clock().now().to_msg()
            self._state.header.stamp = self._image.header.stamp = stamp
            self._joints.publish(self._state)
            for publisher in self._images:
                publisher.publish(self._image)
            due = max(due + self._period, time.perf_counter() - self._period)
            time.sleep(max(0.0, due - time.perf_counter()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
