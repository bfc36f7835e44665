# SPDX-License-Identifier: Apache-2.0
"""A bag in which every picture and every map says which tick it belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from synthetic_bags import SECOND, START_NS, TYPES, header, image_cdr, plain, stamp, string_cdr

from pam_ros.bags import BagWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TICKS, PERIOD_S = 40, 0.1
LATENCY_S = 0.05
TOP, SIDE = "/top/image_raw", "/cameras/side/image"
ATTENTION, FEATURES = "/act_attention/attention", "/sae_recorder/features"
CHUNK, COMMANDS, STATES = "/act_attention/predicted_chunk", "/joint_commands", "/joint_states"
FURTHER, FURTHER_GAP, FURTHER_SHIFT = "/act_attention/attention_map/pan_0_10", 9, 1
ANNOTATE, RESULT = "/act_attention/annotate", "/demo_robot/result"
SIZES = {"top": (96, 128), "side": (64, 80)}
#: x0, y0, dx, dy of each camera's cells; not the plain division of the picture.
GRIDS = {"top": (2.0, 6.0, 32.0, 30.0), "side": (10.0, 12.0, 20.0, 24.0)}
SHAPES = {"top": (3, 4), "side": (2, 3)}
JOINTS = ("pan", "lift")
JOINT_SHARE = 0.25
WORDS = ("pick", "up", "</script>")
#: The ticks at which something stands out.
TOP_PEAK, FORWARD_PEAK, OOD_PEAK, GAP_PEAK, FEATURE_PEAK, NOTE = 27, 12, 31, 8, 22, 17
NOTE_TEXT = "slipped </script><b>here</b>"


def color(camera: str, tick: int) -> tuple[int, int, int]:
    """Green says which tick it is."""
    return (70, 25 + 5 * tick, 150) if camera == "top" else (150, 225 - 5 * tick, 60)


def cells(camera: str, tick: int) -> np.ndarray:
    """One strong cell that wanders over a weak floor."""
    rows, cols = SHAPES[camera]
    mass = np.full((rows, cols), 0.01, np.float32)
    strong = 0.2 if camera == "top" else 0.1
    mass[tick % rows, tick % cols] = 0.35 if (camera, tick) == ("top", TOP_PEAK) else strong
    return mass


@dataclass(frozen=True)
class Timing:
    """When tick k happened [s after the start], and when its messages reached the bag."""

    stamps: tuple[float, ...] = tuple(k * PERIOD_S for k in range(TICKS))
    received: tuple[float, ...] | None = None

    def stamp_ns(self, tick: int) -> int:
        return START_NS + round(self.stamps[tick] * SECOND)

    def received_ns(self, tick: int) -> int:
        times = self.received or self.stamps
        return START_NS + round(times[tick] * SECOND)


def groups() -> list:
    """The joint state's and the latent's, as the shares say, and words with none of the mass."""
    shares = {"latent": [0.05], "joint_state": [JOINT_SHARE], "language": [0.0, 0.02, 0.01]}
    return [
        TYPES.types["pam_ros/msg/TokenGroup"](
            name=name, kind=name, share=sum(mass), mass=np.array(mass, np.float32),
            labels=list(WORDS) if name == "language" else [], contribution=math.nan,
        )
        for name, mass in shares.items()
    ]  # fmt: skip


def map_cdr(
    tick: int, stamp_ns: int, *, valid: bool = True, target: str = "", shift: int = 0
) -> bytes:
    """shift: by how many ticks the strong cell is ahead of where it wanders to."""
    kinds = TYPES.types
    cameras = []
    for name in ("top", "side"):
        mass = cells(name, tick + shift)
        peak = np.unravel_index(int(mass.argmax()), mass.shape)
        x0, y0, dx, dy = GRIDS[name]
        cameras.append(
            kinds["pam_ros/msg/CameraAttention"](
                header=header(stamp_ns, f"{name}_frame"), name=name,
                image_height=SIZES[name][0], image_width=SIZES[name][1],
                rows=mass.shape[0] if valid else 0, cols=mass.shape[1] if valid else 0,
                x0=x0, y0=y0, dx=dx, dy=dy,
                cells=mass.reshape(-1) if valid else np.zeros(0, np.float32),
                share=float(mass.sum()) if valid else math.nan,
                peak_row=int(peak[0]), peak_col=int(peak[1]),
                signed_cells=np.zeros(0, np.float32), contribution=math.nan, part_share=math.nan,
                rotate=0, padding_share=0.0, first_row=0, first_col=0,
            )
        )  # fmt: skip
    nothing = np.zeros(0, np.float32)
    message = kinds["pam_ros/msg/AttentionMap"](
        header=header(stamp_ns, "top_frame"), episode=tick // 20, tick=tick,
        policy_name="synthetic", policy_sha256="a" * 64, method="rollout", layer="all", head="mean",
        query="mean", target=target, chunk_mode="queue", chunk_executed=True,
        command_source_tick=tick,
        valid=valid, invalid_reason="" if valid else "a weight is not finite",
        inference_skipped=False, joint_state_stamp=stamp(stamp_ns),
        latent_share=0.05 if valid else math.nan,
        joint_state_share=JOINT_SHARE if valid else math.nan, environment_share=math.nan,
        entropy=1.5 + 0.1 * math.sin(tick) if valid else math.nan, head_entropy=nothing,
        head_latent_share=nothing, total=1.0, completeness_error=math.nan,
        forward_seconds=0.045 if tick == FORWARD_PEAK else 0.03 + 0.001 * (tick % 3),
        cameras=cameras,
        method_asked="rollout", method_reason="", explained_by="",
        denoising_step=-1, denoising_steps=0, unit="",
        baseline="", points=0, instruction="", noise_seed=0, first_executed_tick=tick,
        groups=groups() if valid else [],
    )  # fmt: skip
    return bytes(TYPES.serialize_cdr(message, "pam_ros/msg/AttentionMap"))


def features_cdr(tick: int, stamp_ns: int) -> bytes:
    """Feature 5 is always active; feature 7 in every other tick, on a wandering cell of top."""
    active = [5, 7] if tick % 2 == 0 else [5]
    count = len(active)
    strongest = 9.0 if tick == FEATURE_PEAK else 2.0
    empty = np.zeros(0, np.uint32)
    message = TYPES.types["pam_ros/msg/SaeFeatures"](
        header=header(stamp_ns, "top_frame"), episode=tick // 20, tick=tick,
        policy_name="synthetic", policy_sha256="a" * 64, sae_sha256="b" * 64, sae_name="small",
        layer="encoder", sampler="all", valid=True, invalid_reason="", tokens=20,
        dictionary_size=64, feature=np.array(active, np.uint32),
        maximum=np.array([4.0, strongest][:count], np.float32),
        peak_token=np.zeros(count, np.uint32), peak_kind=np.array([2, 0][:count], np.uint8),
        camera_names=["observation.images.top", "observation.images.side"],
        peak_camera=np.array([-1, 0][:count], np.int16),
        peak_row=np.array([-1, tick % 3][:count], np.int16),
        peak_col=np.array([-1, tick % 4][:count], np.int16),
        l0=2.0, mean_squared_error=0.1, explained_variance=0.9,
        ood_score=3.0 if tick == OOD_PEAK else 0.2 + 0.01 * (tick % 2), ood_threshold=1.0,
        out_of_distribution=tick == OOD_PEAK, lost_ticks=0, code_offset=empty, code_feature=empty,
        code_value=np.zeros(0, np.float32),
    )  # fmt: skip
    return bytes(TYPES.serialize_cdr(message, "pam_ros/msg/SaeFeatures"))


def joints_cdr(ns: int, positions) -> bytes:
    empty = np.zeros(0)
    message = TYPES.types["sensor_msgs/msg/JointState"](
        header=header(ns, ""), name=list(JOINTS), position=np.array(positions, np.float64),
        velocity=empty, effort=empty,
    )  # fmt: skip
    return bytes(TYPES.serialize_cdr(message, "sensor_msgs/msg/JointState"))


def chunk_cdr(ns: int, tick: int, steps: int = 20) -> bytes:
    points = [
        TYPES.types["trajectory_msgs/msg/JointTrajectoryPoint"](
            positions=np.array([planned(tick + k), -planned(tick + k)]), velocities=np.zeros(0),
            accelerations=np.zeros(0), effort=np.zeros(0),
            time_from_start=TYPES.types["builtin_interfaces/msg/Duration"](
                sec=k // 10, nanosec=k % 10 * 100_000_000
            ),
        )
        for k in range(steps)
    ]  # fmt: skip
    message = TYPES.types["trajectory_msgs/msg/JointTrajectory"](
        header=header(ns, ""), joint_names=list(JOINTS), points=points
    )
    return bytes(TYPES.serialize_cdr(message, "trajectory_msgs/msg/JointTrajectory"))


def planned(tick: int) -> float:
    return math.sin(tick / 6)


def write_recording(
    path: Path,
    timing: Timing | None = None,
    *,
    ticks: int = TICKS,
    storage: Literal["mcap", "sqlite3"] = "mcap",
    without: frozenset[str] = frozenset(),
    invalid: frozenset[int] = frozenset(),
    map_delays: Mapping[int, float] | None = None,
    further: bool = False,
) -> None:
    """Ticks in the order in which they were received; `without` leaves topics out.

    map_delays: how much later [s] than usual the maps and features of some ticks are received.
    further: also maps of what moves pan, for every tick but FURTHER_GAP, FURTHER_SHIFT ahead.
    """
    timing = timing or Timing()
    types = {
        TOP: "sensor_msgs/msg/Image", SIDE: "sensor_msgs/msg/Image",
        ATTENTION: "pam_ros/msg/AttentionMap", FEATURES: "pam_ros/msg/SaeFeatures",
        CHUNK: "trajectory_msgs/msg/JointTrajectory", COMMANDS: "sensor_msgs/msg/JointState",
        STATES: "sensor_msgs/msg/JointState", ANNOTATE: "std_msgs/msg/String",
        RESULT: "std_msgs/msg/String",
    }  # fmt: skip
    if further:
        types[FURTHER] = "pam_ros/msg/AttentionMap"
    else:
        without = without | {FURTHER}
    with BagWriter(path, storage) as writer:
        for topic, kind in types.items():
            if topic not in without:
                writer.add_topic(topic, kind)

        def write(topic: str, data: bytes, ns: int) -> None:
            if topic not in without:
                writer.write(topic, data, ns)

        for k in range(ticks):
            ns, at = timing.stamp_ns(k), timing.received_ns(k)
            late = at + round(LATENCY_S * SECOND)
            write(TOP, image_cdr(ns, plain(color("top", k), *SIZES["top"])), at)
            write(SIDE, image_cdr(ns, plain(color("side", k), *SIZES["side"]), "bgr8"), at)
            write(STATES, joints_cdr(ns, (planned(k), -planned(k))), at)
            off = 0.4 if k == GAP_PEAK else 0.01 * (k % 2)
            sent = ns + round(LATENCY_S * SECOND)
            write(COMMANDS, joints_cdr(sent, (planned(k) + off, -planned(k))), late - 1000)
            write(CHUNK, chunk_cdr(ns, k), late)
            explained = late + round((map_delays or {}).get(k, 0.0) * SECOND)
            write(ATTENTION, map_cdr(k, ns, valid=k not in invalid), explained)
            if k != FURTHER_GAP:
                moved = map_cdr(k, ns, target="pan[0:10]", shift=FURTHER_SHIFT)
                write(FURTHER, moved, explained + 500)
            write(FEATURES, features_cdr(k, ns), explained + 1000)
            if k == NOTE:
                write(ANNOTATE, string_cdr(NOTE_TEXT), at + 20_000_000)
            if k % 20 == 19:
                result = '{"success": true}' if k < 20 else '{"success": false}'
                write(RESULT, string_cdr(result), late + 2000)
