# SPDX-License-Identifier: Apache-2.0
"""What the small robot might have seen and been told, in pictures that a video can hold."""

import numpy as np
from recorded_robot import HEIGHT, MESSAGES, MS, START_NS, TYPES, WIDTH, image, joints

from pam_ros.export.dataset import Export

MAPS = "/act_attention/attention"
ANNOTATE = "/act_attention/annotate"
ALL_TYPES = {**TYPES, MAPS: "pam_ros/msg/AttentionMap", ANNOTATE: "std_msgs/msg/String"}


def scene(number: int, camera: int) -> np.ndarray:
    """A ramp that moves with each picture: no two are alike."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    ramp = np.stack([rows * 3 + 7 * number, columns * 2 + 40 * camera, rows + columns], -1)
    return np.abs(ramp % 400 - 200).astype(np.uint8)


def state(number: int) -> tuple[float, float]:
    return (0.01 * number + 1 / 3, -0.02 * number)


def action(number: int) -> tuple[float, float]:
    return (0.1 * number + 0.7, 1 / 7 - number)


def observation(number: int, stamp: int, cameras=(scene,) * 2):
    """Each message has a stamp of its own; the joint state comes last."""
    top, side = cameras[0](number, 0), cameras[1](number, 1)
    yield "/top/image_raw", stamp, stamp + 3 * MS, image(stamp, top, "top")
    yield "/side/image_raw", stamp, stamp + 4 * MS, image(stamp + 1, side, "side")
    yield "/joint_states", stamp, stamp + 5 * MS, joints(stamp + 1234567, state(number))


def command(number: int, received: int):
    yield "/joint_commands", received, received, joints(received, action(number))


def smooth(count: int, start_ns: int = START_NS, period_ns: int = 100 * MS, lag_ns: int = 50 * MS):
    """So many observations, each with its command after it."""
    for number in range(count):
        stamp = start_ns + number * period_ns
        yield from observation(number, stamp)
        yield from command(number, stamp + lag_ns)


def attention(number: int, stamp: int, received: int, episode: int = 0, commanded: bool = True):
    """The AttentionMap of a tick, as the node sends it after the command."""
    message = MESSAGES.new("pam_ros/msg/AttentionMap")
    message.episode, message.tick = episode, number
    message.command_source_tick, message.chunk_executed = number, commanded
    _stamp(message.header.stamp, stamp + 1234567)
    _stamp(message.joint_state_stamp, stamp + 1234567)
    message.chunk_mode = "queue"
    for name, own in (("top", stamp), ("side", stamp + 1)):
        camera = MESSAGES.new("pam_ros/msg/CameraAttention")
        camera.name = name
        _stamp(camera.header.stamp, own)
        message.cameras.append(camera)
    yield MAPS, stamp, received, bytes(MESSAGES.encode(message, "pam_ros/msg/AttentionMap"))


def said(text: str, received: int):
    message = MESSAGES.new("std_msgs/msg/String")
    message.data = text
    yield ANNOTATE, received, received, bytes(MESSAGES.encode(message, "std_msgs/msg/String"))


def export(bags, out, settings, **options):
    """The export, with what was told of each bag."""
    told: dict = {}
    made = Export(bags, out, settings, told.__setitem__, **options).run()
    return made, told


def opened(out):
    """The dataset, by lerobot."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("local/test", root=out, video_backend="pyav")


def rows(out):
    """Episode and action of each row."""
    data = opened(out).hf_dataset.with_format("numpy")
    return [
        (int(episode), tuple(value.tolist()))
        for episode, value in zip(data[:]["episode_index"], data[:]["action"], strict=True)
    ]


def as_float32(values) -> tuple[float, ...]:
    return tuple(np.array(values, np.float32).tolist())


def _stamp(stamp, nanoseconds):
    stamp.sec, stamp.nanosec = divmod(nanoseconds, 1_000_000_000)
