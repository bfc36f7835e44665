# SPDX-License-Identifier: Apache-2.0
"""A small random policy, its contract, and bags of what it might have seen."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import torch

from pam_ros.bags import BagReader, BagWriter
from pam_ros.bags.messages import Messages
from pam_ros.robot.stamps import set_stamp

HEIGHT, WIDTH = 64, 96
START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
ATTENTION = "/act_attention/attention"
MESSAGES = Messages()

CONTRACT = """
robot: test
rate_hz: 10.0
{trigger}
sync_tolerance_s: 0.02
max_age_s: 0.5
cameras:
  - {{name: top, topic: /top/image_raw, type: sensor_msgs/msg/Image,
     feature: observation.images.top, resize: policy}}
  - {{name: side, topic: /side/image_raw, type: sensor_msgs/msg/Image,
     feature: observation.images.side, resize: policy}}
state:
  topic: /joint_states
  feature: observation.state
  unit: rad
  joints:
    - {{name: pan, limits: [-3.0, 3.0]}}
    - {{name: lift, limits: [-3.0, 3.0]}}
command:
  topic: /joint_commands
  type: sensor_msgs/msg/JointState
  max_velocity: 5.0
"""


def save_checkpoint(folder: Path) -> None:
    """A random ACT with two 64x96 cameras and two joints, in queue mode, on disk."""
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    torch.manual_seed(0)
    cameras = ("observation.images.top", "observation.images.side")
    inputs = {name: PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH)) for name in cameras}
    inputs["observation.state"] = PolicyFeature(FeatureType.STATE, (2,))
    config = ACTConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=4,
        dim_feedforward=32,
        n_encoder_layers=2,
        chunk_size=8,
        n_action_steps=4,
        use_vae=False,
        device="cpu",
    )
    images = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.ones(3, 1, 1)}
    stats = {
        **dict.fromkeys(cameras, images),
        "observation.state": {"mean": torch.zeros(2), "std": torch.ones(2)},
        "action": {"mean": torch.zeros(2), "std": torch.full((2,), 0.1)},
    }
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def image(stamp_ns: int, pixels: np.ndarray, frame_id: str = "camera") -> bytes:
    message = MESSAGES.new("sensor_msgs/msg/Image")
    set_stamp(message.header.stamp, stamp_ns)
    message.header.frame_id = frame_id
    message.height, message.width = pixels.shape[:2]
    message.step = 3 * pixels.shape[1]
    message.encoding, message.data = "rgb8", pixels.reshape(-1)
    return bytes(MESSAGES.encode(message, "sensor_msgs/msg/Image"))


def joints(stamp_ns: int, positions=(0.1, 0.2)) -> bytes:
    message = MESSAGES.new("sensor_msgs/msg/JointState")
    set_stamp(message.header.stamp, stamp_ns)
    message.name, message.position = ["pan", "lift"], np.array(positions, np.float64)
    return bytes(MESSAGES.encode(message, "sensor_msgs/msg/JointState"))


TYPES = {
    "/top/image_raw": "sensor_msgs/msg/Image",
    "/side/image_raw": "sensor_msgs/msg/Image",
    "/joint_states": "sensor_msgs/msg/JointState",
    "/joint_commands": "sensor_msgs/msg/JointState",
}


def observed(count: int, start_ns: int = START_NS, period_ns: int = 100 * MS):
    """(topic, header stamp, received, data) of so many observations; joint states come last."""
    for frame in range(count):
        stamp = start_ns + frame * period_ns
        yield "/top/image_raw", stamp, stamp + 3 * MS, image(stamp, picture(2 * frame), "top")
        yield "/side/image_raw", stamp, stamp + 4 * MS, image(stamp, picture(2 * frame + 1), "side")
        state = joints(stamp, (0.01 * frame, -0.02 * frame))
        yield "/joint_states", stamp, stamp + 5 * MS, state
        yield "/joint_commands", stamp, stamp + 50 * MS, joints(stamp, (0.3, 0.4))


def write_bag(path: Path, messages, types=TYPES, **options) -> Path:
    with BagWriter(path, **options) as writer:
        for topic, kind in types.items():
            writer.add_topic(topic, kind)
        for topic, _, received, data in messages:
            writer.write(topic, data, received)
    return path


def read(path: Path, topic: str) -> list:
    with BagReader(path) as reader:
        return [reader.decode(message) for message in reader.messages([topic])]


def counts(path: Path) -> dict[str, int]:
    with BagReader(path) as reader:
        return {topic.name: topic.count for topic in reader.topics.values()}


def difference(ones: list, others: list, but: frozenset[str] = frozenset()) -> float:
    """The largest difference of two lists of AttentionMaps, which agree in all that is no float.

    but: fields that may differ.
    """
    assert len(ones) == len(others)
    largest = 0.0
    for one, other in zip(ones, others, strict=True):
        largest = max(largest, _difference(one, other, but))
    return largest


def _difference(one, other, but: frozenset[str]) -> float:
    largest = 0.0
    for field in (field.name for field in fields(one)):
        mine, theirs = getattr(one, field), getattr(other, field)
        if field in {"forward_seconds", "__msgtype__"} | but:
            continue
        if isinstance(mine, list) and mine and is_dataclass(mine[0]):
            largest = max(
                [largest, *(_difference(a, b, but) for a, b in zip(mine, theirs, strict=True))]
            )
        elif isinstance(mine, np.ndarray):
            assert mine.shape == theirs.shape, field
            if mine.size:
                largest = max(largest, float(np.abs(mine - theirs).max()))
        elif isinstance(mine, float):
            assert np.isnan(mine) == np.isnan(theirs), field
            if not np.isnan(mine):
                largest = max(largest, abs(mine - theirs))
        else:
            assert repr(mine) == repr(theirs), field
    return largest
