# SPDX-License-Identifier: Apache-2.0
"""A robot of two arms: seven joints each, of the same names, on topics of each arm's own.

Each arm has two drivers, one for six joints and one for the gripper, that publish on one topic in
turns. There are three cameras. An arm goes where it is told, by JointState or by JointTrajectory.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIDES = ("left", "right")
ARM = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")
JOINTS = (*ARM, "gripper")
CAMERAS = ("top", "left_wrist", "right_wrist")
HEIGHT, WIDTH = 64, 96
RATE_HZ = 4.0
MAX_AGE_S = 1.0
LIMIT = 3.0
STAND = {"left": 0.25, "right": -0.25}


def write_contract(path: Path) -> Path:
    """The contract, as a person would write it."""
    data = {
        "robot": "bimanual",
        "rate_hz": RATE_HZ,
        "sync_tolerance_s": 0.2,
        "max_age_s": MAX_AGE_S,
        "cameras": [
            {
                "name": name,
                "topic": f"/{name}/image_raw",
                "type": "sensor_msgs/msg/Image",
                "feature": f"observation.images.{name}",
            }
            for name in CAMERAS
        ],
        "state": [
            {
                "topic": f"/{side}/joint_states",
                "joints": [{"name": name, "limits": [-LIMIT, LIMIT]} for name in JOINTS],
            }
            for side in SIDES
        ],
        "command": [
            {
                "topic": f"/{side}/joint_commands",
                "type": "sensor_msgs/msg/JointState",
                "max_velocity": 1.0,
            }
            for side in SIDES
        ],
    }
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def write_policy(
    folder: Path, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 0.3
) -> Path:
    """A random ACT with three cameras, fourteen joints and fourteen actions.

    mean, std: of its training data, one number each for all joints or one of each joint's own.
    """
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    torch.manual_seed(0)
    images = [f"observation.images.{name}" for name in CAMERAS]
    size = (len(SIDES) * len(JOINTS),)
    config = ACTConfig(
        input_features={
            **{name: PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH)) for name in images},
            "observation.state": PolicyFeature(FeatureType.STATE, size),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, size)},
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=4,
        dim_feedforward=32,
        n_encoder_layers=1,
        chunk_size=8,
        n_action_steps=4,
        use_vae=False,
        device="cpu",
    )
    pixels = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.ones(3, 1, 1)}
    numbers = {
        name: torch.tensor(value).expand(size).clone()
        for name, value in (("mean", mean), ("std", std))
    }
    stats = {**dict.fromkeys(images, pixels), "observation.state": numbers, "action": numbers}
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)
    return folder


class Bimanual:
    """The drivers, in a thread of their own. `alive`: the drivers that publish, by their names.

    commands: per side, what arrived: (time [s, monotonic], names, positions).

    Args:
        trajectories: whether the arms are told on /SIDE/joint_trajectory, by JointTrajectory,
            instead of on /SIDE/joint_commands.
        gripper: where the grippers stand at first; None: where the other joints do.
    """

    def __init__(self, *, trajectories: bool = False, gripper: float | None = None) -> None:
        self.peer = rclpy.create_node("bimanual", context=rclpy.get_default_context())
        self.alive = {f"{side}_{what}" for side in SIDES for what in ("arm", "gripper")}
        self.positions = {side: dict.fromkeys(JOINTS, STAND[side]) for side in SIDES}
        if gripper is not None:
            for standing in self.positions.values():
                standing["gripper"] = gripper
        self.commands: dict[str, list] = {side: [] for side in SIDES}
        self.reports: list[tuple[float, str]] = []
        self._images = {
            name: self.peer.create_publisher(Image, f"/{name}/image_raw", 5) for name in CAMERAS
        }
        self._states = {
            side: self.peer.create_publisher(JointState, f"/{side}/joint_states", 10)
            for side in SIDES
        }
        kind: type[JointState | JointTrajectory] = JointTrajectory if trajectories else JointState
        topic = "joint_trajectory" if trajectories else "joint_commands"
        for side in SIDES:
            self.peer.create_subscription(
                kind,
                f"/{side}/{topic}",
                lambda message, side=side: self._obey(side, message),
                100,
            )
        self.peer.create_subscription(DiagnosticArray, "/diagnostics", self._report, 100)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._executors: list = []

    def start(self, node=None) -> None:
        """Publish, and spin the peer and a node beside it."""
        spun: list = [(self.peer, SingleThreadedExecutor(context=self.peer.context))]
        if node is not None:
            spun.append((node, MultiThreadedExecutor(num_threads=5, context=self.peer.context)))
        for each, executor in spun:
            executor.add_node(each)
            self._executors.append(executor)
            self._threads.append(threading.Thread(target=_spin, args=(executor,), daemon=True))
        self._threads.append(threading.Thread(target=self._publish, daemon=True))
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stopped.set()
        for executor in self._executors:
            executor.shutdown(timeout_sec=5.0)
        for thread in self._threads:
            thread.join(timeout=5.0)
        self.peer.destroy_node()

    def _publish(self) -> None:
        chance = np.random.default_rng(0)
        while not self._stopped.wait(0.25 / RATE_HZ):
            stamp = self.peer.get_clock().now().to_msg()
            for side in SIDES:
                for what, names in (("arm", ARM), ("gripper", JOINTS[-1:])):
                    if f"{side}_{what}" in self.alive:
                        state = JointState(name=list(names))
                        state.header.stamp = stamp
                        state.position = [self.positions[side][name] for name in names]
                        self._states[side].publish(state)
            # Pictures come later than encoders do. Else, on a busy machine, a gripper's message may
            # come after the tick, and a replay, which goes by its stamp, merges it all the same.
            self._stopped.wait(0.25 / RATE_HZ)
            for publisher in self._images.values():
                image = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=3 * WIDTH)
                image.header.stamp = stamp
                image.data = chance.integers(0, 256, HEIGHT * WIDTH * 3, np.uint8).tobytes()
                publisher.publish(image)

    def _obey(self, side, message) -> None:
        if isinstance(message, JointTrajectory):
            names, positions = message.joint_names, list(message.points[-1].positions)
        else:
            names, positions = message.name, list(message.position)
        self.commands[side].append((time.monotonic(), list(names), positions))
        self.positions[side].update(zip(names, positions, strict=True))

    def _report(self, message) -> None:
        now = time.monotonic()
        self.reports += [(now, status.message) for status in message.status]


def _spin(executor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return
