# SPDX-License-Identifier: Apache-2.0
"""A short run of the demo robot as messages, and a bag of it."""

import cv2
import numpy as np
import pytest

from pam_ros.bags import BagWriter
from pam_ros.bags.types import known_types

TYPES = known_types()
START_NS = 1_700_000_000_123_456_789
PERIOD_NS = 100_000_000
TICKS = 4
HEIGHT, WIDTH = 60, 80
CAMERAS = ("top", "wrist")
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
SHARES = {"top": 0.5, "wrist": 0.2, "joint_state": 0.25, "latent": 0.05}
GROUPS = {"language 0": 0.03125, "language 1": 0.0625}


def make(type_name, **fields):
    return TYPES.types[type_name](**fields)


def header(ns, frame="camera"):
    stamp = make("builtin_interfaces/msg/Time", sec=ns // 10**9, nanosec=ns % 10**9)
    return make("std_msgs/msg/Header", stamp=stamp, frame_id=frame)


def picture(tick, camera):
    rng = np.random.default_rng([tick, len(camera)])
    coarse = rng.integers(60, 200, (4, 5, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def image(ns, rgb):
    return make(
        "sensor_msgs/msg/Image",
        header=header(ns),
        height=rgb.shape[0],
        width=rgb.shape[1],
        encoding="rgb8",
        is_bigendian=0,
        step=3 * rgb.shape[1],
        data=rgb.reshape(-1),
    )


def camera_attention(name, ns, share):
    cells = np.zeros((2, 3), np.float32)
    cells[1, 2] = share
    return make(
        "pam_ros/msg/CameraAttention",
        header=header(ns),
        name=name,
        image_height=HEIGHT,
        image_width=WIDTH,
        rows=2,
        cols=3,
        x0=10.0,
        y0=10.0,
        dx=30.0,
        dy=40.0,
        cells=cells.reshape(-1),
        share=share,
        peak_row=1,
        peak_col=2,
        signed_cells=np.zeros(0, np.float32),
        part_share=float("nan"),
        contribution=float("nan"),
        rotate=0,
        padding_share=0.0,
        first_row=0,
        first_col=0,
    )


def groups():
    """Tokens beside the cameras: those with a share of their own, and words."""
    return [
        make(
            "pam_ros/msg/TokenGroup",
            name=name,
            kind=name.partition(" ")[0],
            share=share,
            mass=np.array([share], np.float32),
            labels=[],
            contribution=float("nan"),
        )
        for name, share in (SHARES | GROUPS).items()
        if name not in CAMERAS
    ]


def attention(tick, ns, valid=True):
    return make(
        "pam_ros/msg/AttentionMap",
        header=header(ns),
        episode=0,
        tick=tick,
        policy_name="demo",
        policy_sha256="a" * 64,
        method="rollout",
        layer="",
        head="mean",
        query="mean",
        target="",
        chunk_mode="queue",
        chunk_executed=True,
        command_source_tick=tick,
        valid=valid,
        invalid_reason="" if valid else "an activation is not finite",
        inference_skipped=False,
        joint_state_stamp=header(ns).stamp,
        latent_share=SHARES["latent"],
        joint_state_share=SHARES["joint_state"],
        environment_share=float("nan"),
        entropy=1.5,
        head_entropy=np.zeros(0, np.float32),
        head_latent_share=np.zeros(0, np.float32),
        total=1.0,
        completeness_error=float("nan"),
        forward_seconds=0.01,
        cameras=[camera_attention(name, ns, SHARES[name]) for name in CAMERAS],
        method_asked="rollout",
        method_reason="",
        explained_by="",
        denoising_step=-1,
        denoising_steps=0,
        unit="",
        baseline="",
        points=0,
        instruction="",
        noise_seed=0,
        first_executed_tick=tick,
        groups=groups() if valid else [],
    )


def joint_state(ns, offset):
    # In another order than the contract's, with one that it does not know.
    names = ["other", *reversed(JOINTS)]
    values = [9.0, *(offset + JOINTS.index(name) for name in names[1:])]
    return make(
        "sensor_msgs/msg/JointState",
        header=header(ns),
        name=names,
        position=np.array(values),
        velocity=np.zeros(0),
        effort=np.zeros(0),
    )


def chunk(ns):
    duration = make("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
    empty = np.zeros(0)
    points = [
        make(
            "trajectory_msgs/msg/JointTrajectoryPoint",
            positions=np.arange(6) + step,
            velocities=empty,
            accelerations=empty,
            effort=empty,
            time_from_start=duration,
        )
        for step in (0.5, 100.0)
    ]
    return make(
        "trajectory_msgs/msg/JointTrajectory",
        header=header(ns),
        joint_names=list(JOINTS),
        points=points,
    )


def features(tick, ns):
    return make(
        "pam_ros/msg/SaeFeatures",
        header=header(ns),
        episode=0,
        tick=tick,
        policy_name="demo",
        policy_sha256="a" * 64,
        sae_sha256="b" * 64,
        sae_name="sae",
        layer="encoder",
        sampler="all",
        valid=True,
        invalid_reason="",
        tokens=14,
        dictionary_size=16,
        feature=np.array([7, 3], np.uint32),
        maximum=np.array([2.5, 1.0 + tick], np.float32),
        peak_token=np.array([4, 1], np.uint32),
        peak_kind=np.array([0, 2], np.uint8),
        camera_names=["observation.images.top", "observation.images.wrist"],
        peak_camera=np.array([1, -1], np.int16),
        peak_row=np.array([1, -1], np.int16),
        peak_col=np.array([2, -1], np.int16),
        l0=3.0,
        mean_squared_error=0.1,
        explained_variance=0.9,
        ood_score=0.4,
        ood_threshold=1.0,
        out_of_distribution=False,
        lost_ticks=0,
        code_offset=np.zeros(0, np.uint32),
        code_feature=np.zeros(0, np.uint32),
        code_value=np.zeros(0, np.float32),
    )


TYPE_OF = {
    "/top/image_raw": "sensor_msgs/msg/Image",
    "/wrist/image_raw": "sensor_msgs/msg/Image",
    "/joint_states": "sensor_msgs/msg/JointState",
    "/joint_commands": "sensor_msgs/msg/JointState",
    "/act_attention/attention": "pam_ros/msg/AttentionMap",
    "/act_attention/attention/top/image": "sensor_msgs/msg/Image",
    "/act_attention/predicted_chunk": "trajectory_msgs/msg/JointTrajectory",
    "/sae_recorder/features": "pam_ros/msg/SaeFeatures",
}


def run(overlays=False):
    """(topic, stamp, message) of a run of some ticks."""
    for tick in range(TICKS):
        ns = START_NS + tick * PERIOD_NS
        for name in CAMERAS:
            yield f"/{name}/image_raw", ns, image(ns, picture(tick, name))
        yield "/joint_states", ns, joint_state(ns, 0.125 * tick)
        yield "/joint_commands", ns + 10, joint_state(ns + 10, -0.5)
        yield "/act_attention/predicted_chunk", ns, chunk(ns)
        yield "/act_attention/attention", ns, attention(tick, ns, valid=tick != 2)
        if overlays:
            grey = np.full((HEIGHT, WIDTH, 3), 77, np.uint8)
            yield "/act_attention/attention/top/image", ns, image(ns, grey)
        yield "/sae_recorder/features", ns, features(tick, ns)


def write_bag(path, messages, chunk_before=None):
    with pytest.MonkeyPatch.context() as patch:
        # Chunks end here alone, however long this takes.
        patch.setattr("pam_ros.bags.writer.FLUSH_SECONDS", 1e6)
        writer = BagWriter(path)
    with writer:
        for number, (topic, _, message) in enumerate(messages):
            if number == chunk_before:
                writer._file.flush()
            kind = TYPE_OF.get(topic, "std_msgs/msg/String")
            writer.add_topic(topic, kind)
            data = bytes(TYPES.serialize_cdr(message, kind))
            # Received late: what counts is the header's stamp.
            writer.write(topic, data, START_NS + 5 * 10**9 + number * 10**6)
    return path


STAMPS = [START_NS + tick * PERIOD_NS for tick in range(TICKS)]
