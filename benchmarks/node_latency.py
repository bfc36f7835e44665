# SPDX-License-Identifier: Apache-2.0
"""The whole node over DDS: from an image's publication to the command's and the overlay's arrival.

Three processes' worth of work on the same cores: the real attention node as `pam_ros run` starts
it, and a peer that plays robot and listener.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.results import RowResult
from benchmarks.sizes import JOINTS
from pam_ros.sim.processes import Processes, own_domain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.sizes import Subject

ROOT = Path(__file__).parents[1]
ANSWERS = {
    "forward": "forward pass, as the node says",
    "command": "image to command",
    "map": "image to map",
    "overlay": "image to all overlays",
}


@dataclass(frozen=True)
class Plan:
    """What the peer publishes and listens to, and for how long."""

    height: int
    width: int
    joints: tuple[str, ...]
    image_topics: tuple[str, ...]
    overlay_topics: tuple[str, ...]
    joint_topic: str = "/joint_states"
    command_topic: str = "/joint_commands"
    map_topic: str = "/act_attention/attention"
    observations: int = 60
    warmup: int = 5
    pause_seconds: float = 0.1
    start_seconds: float = 120.0


@dataclass(frozen=True)
class Variant:
    """The node with some parameters."""

    key: str
    label: str
    parameters: Mapping[str, Any]


VARIANTS = (
    Variant("plan", "planning at every tick, eager", {"n_action_steps": 1, "engine": "eager"}),
    Variant("auto", "planning at every tick, engine auto", {"n_action_steps": 1}),
    Variant("queue", "executing whole chunks, engine auto", {}),
)


def measure(
    subject: Subject, variants: Sequence[Variant], threads: int, observations: int
) -> tuple[RowResult, ...]:
    """Rows of each variant [ms], on the subject's device: one per answer."""
    rows: list[RowResult] = []
    own_domain(None)
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = subject.policy.config
        config.n_action_steps, config.temporal_ensemble_coeff = config.chunk_size, None
        subject.save(folder / "policy")
        plan = write_robot(subject, folder, observations)
        for variant in variants:
            samples, problem = _run(variant, folder, threads, subject.device)
            rows += [
                RowResult(
                    f"{variant.key}_{answer}",
                    f"{variant.label}: {label}",
                    tuple(round(1e3 * each[answer], 3) for each in samples if answer in each),
                    problem,
                )
                for answer, label in ANSWERS.items()
            ]
            assert problem or len(samples) == plan.observations
    return tuple(rows)


def write_robot(
    subject: Subject, folder: Path, observations: int, rate_hz: float | None = None
) -> Plan:
    """The contract and the peer's plan.

    rate_hz: of a timer that ticks; by default each complete observation is a tick.
    """
    images = subject.policy.config.image_features
    cameras = {feature.rsplit(".", 1)[1]: feature for feature in images}
    _, height, width = images[next(iter(images))].shape
    joints = tuple(f"joint_{index}" for index in range(JOINTS))
    plan = Plan(
        height=height,
        width=width,
        joints=joints,
        image_topics=tuple(f"/{camera}/image_raw" for camera in cameras),
        overlay_topics=tuple(f"/act_attention/attention/{camera}/image" for camera in cameras),
        observations=observations,
    )
    contract = {
        "robot": "benchmark",
        # Without a timer slower than any tick: the peer makes the pace. It triggers with the camera
        # that it publishes last: a tick begins when the observation is complete.
        "rate_hz": rate_hz or 1.0,
        "trigger": None if rate_hz else list(cameras)[-1],
        "sync_tolerance_s": 0.01,
        "max_age_s": 5.0,
        "cameras": [
            {
                "name": camera,
                "topic": f"/{camera}/image_raw",
                "type": "sensor_msgs/msg/Image",
                "feature": feature,
                "encoding": "rgb8",
            }
            for camera, feature in cameras.items()
        ],
        # Wide enough for what a random policy wants on noise: a fault would end the commands.
        "state": {
            "topic": plan.joint_topic,
            "feature": "observation.state",
            "unit": "rad",
            "joints": [{"name": joint, "limits": [-12.0, 12.0]} for joint in joints],
        },
        "command": {
            "topic": plan.command_topic,
            "type": "sensor_msgs/msg/JointState",
            "max_velocity": 10.0,
        },
    }
    (folder / "contract.yaml").write_text(yaml.safe_dump(contract), encoding="utf-8")
    (folder / "plan.json").write_text(json.dumps(asdict(plan)), encoding="utf-8")
    return plan


def _run(
    variant: Variant, folder: Path, threads: int, device: str
) -> tuple[list[dict[str, float]], str]:
    """The peer's samples, or why there are none."""
    processes = Processes(folder)
    processes.start(
        "act_attention",
        policy=folder / "policy",
        contract=folder / "contract.yaml",
        torch_threads=threads,
        device=device,
        enabled=True,
        **variant.parameters,
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peer", str(folder / "plan.json")],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    finally:
        processes.stop_all()
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1]), ""
    log = (folder / "act_attention.log").read_text(errors="replace")
    words = (done.stderr + log).strip().splitlines()
    return [], words[-1] if words else "the node said nothing"
