# SPDX-License-Identifier: Apache-2.0
"""Maps of a node that commands, and what they cost its commands, beside the same node without.

    python -m bench.beside [--size default] [--rate 30] [--seconds 20] [--rounds 5]

Two real nodes in processes of their own, enabled, in queue mode, and a robot that talks to one of
them at a time; in turns with them, the same policy alone in this process while the robot is silent.
One of the nodes explains, the other leaves out every pass, map and picture while it commands. All
have the same engine and as many threads.

Printed are, as medians over rounds, the maps per second over the bare policy's passes per second,
and p50 and p99 over all rounds of: stamp of the observation to the command that needed a chunk; to
one that was queued; and how far two queued commands are from a period apart. The status is 1 if the
map rate is below 0.6 of the passes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml

from bench.beside_robot import Robot, Stretch
from bench.machine import run_again_with_sleeping_threads
from bench.node_latency import Plan, write_robot
from bench.sizes import make_subject
from pam_ros.policy import load_policy
from pam_ros.share.folders import share_directory
from pam_ros.sim.processes import own_domain
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.policy import Policy

ROOT = Path(__file__).parents[1]
FEWEST = 0.6
NODES = {
    "maps": ["-m", "pam_ros.cli", "run", "act_attention"],
    "off": ["-m", "bench.maps_off"],
}


def main(arguments: Sequence[str]) -> int:
    """Measure, print a line per round and the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="default", help="of bench.sizes")
    parser.add_argument("--rate", type=float, default=30.0, help="of cameras and ticks [Hz]")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", default="eager")
    parser.add_argument("--execution", default="blocking", choices=("blocking", "async"))
    options = parser.parse_args(arguments)
    run_again_with_sleeping_threads("bench.beside", arguments)
    own_domain(None)
    install(interfaces={"pam_ros": share_directory() / "msg"})
    subject = make_subject(options.size)
    config = subject.policy.config
    config.n_action_steps, config.temporal_ensemble_coeff = config.chunk_size, None
    with TemporaryDirectory() as name, ExitStack() as undo:
        folder = Path(name)
        subject.save(folder / "policy")
        plan = write_robot(subject, folder, 0, options.rate)
        plans = [(f"/{key}", _robot_of(key, plan, folder)) for key in NODES]
        policy = load_policy(folder / "policy", device="cpu", engine=options.engine)
        for key, command in NODES.items():
            undo.callback(_start(key, command, folder, options))
        robot = Robot(plans, options.rate)
        undo.callback(robot.close)
        if not robot.wait_for_the_nodes():
            message = "an attention node did not connect"
            raise RuntimeError(message)
        found, ratios = _rounds(robot, policy, subject.observation, options)
    result = {
        "size": options.size,
        "rate_hz": options.rate,
        "execution": options.execution,
        "ratio": round(float(np.median(ratios)), 3),
        **{key: _percentiles(stretches) for key, stretches in found.items()},
    }
    print(json.dumps(result))
    return 0 if result["ratio"] >= FEWEST else 1


def _robot_of(key: str, plan: Plan, folder: Path) -> Plan:
    """The same robot under topics of its own, ticking with its last camera."""
    contract = yaml.safe_load((folder / "contract.yaml").read_text(encoding="utf-8"))
    contract["trigger"] = contract["cameras"][-1]["name"]
    for part in (*contract["cameras"], contract["state"], contract["command"]):
        part["topic"] = f"/{key}{part['topic']}"
    (folder / f"{key}.yaml").write_text(yaml.safe_dump(contract), encoding="utf-8")
    return replace(
        plan,
        image_topics=tuple(f"/{key}{topic}" for topic in plan.image_topics),
        joint_topic=f"/{key}{plan.joint_topic}",
        command_topic=f"/{key}{plan.command_topic}",
    )


def _start(key: str, command: Sequence[str], folder: Path, options: argparse.Namespace) -> Any:
    """Start a node; what ends it."""
    parameters = {
        "policy": folder / "policy",
        "contract": folder / f"{key}.yaml",
        "torch_threads": torch.get_num_threads(),
        "device": "cpu",  # as the bare policy
        "engine": options.engine,
        "execution": options.execution,
        "enabled": "true",
    }
    arguments = ["--ros-args", "-r", f"__ns:=/{key}"]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={value}"]
    log = (folder / f"{key}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        start_new_session=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )

    def end() -> None:
        process.terminate()
        try:
            process.wait(15.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()

    return end


def _rounds(
    robot: Robot,
    policy: Policy,
    observation: Mapping[str, NDArray[np.generic]],
    options: argparse.Namespace,
) -> tuple[dict[str, list[Stretch]], list[float]]:
    found: dict[str, list[Stretch]] = {key: [] for key in NODES}
    ratios = []
    for number in range(options.rounds):
        # Neither always follows the other.
        order = list(enumerate(NODES)) if number % 2 == 0 else list(enumerate(NODES))[::-1]
        for index, key in order:
            found[key].append(robot.talk(index, options.seconds))
        bare = _passes_per_second(policy, observation, options.seconds)
        maps = found["maps"][-1].maps_per_s
        ratios.append(maps / bare)
        print(
            f"round {number + 1}: {maps:.2f} maps/s, bare policy {bare:.2f} passes/s, ratio "
            f"{maps / bare:.2f}; maps {_percentiles(found['maps'][-1:])}, off "
            f"{_percentiles(found['off'][-1:])}",
            flush=True,
        )
    return found, ratios


def _percentiles(stretches: Sequence[Stretch]) -> dict[str, float]:
    """[ms], over all stretches."""
    shown = {}
    for name in ("refill", "command", "jitter"):
        values = np.concatenate([getattr(s, f"{name}_s") for s in stretches])
        for percent in (50, 99):
            value = float(np.percentile(values, percent)) * 1e3 if len(values) else float("nan")
            shown[f"{name}_ms_p{percent}"] = round(value, 2)
        shown[f"{name}_count"] = len(values)
    return shown


def _passes_per_second(
    policy: Policy, observation: Mapping[str, NDArray[np.generic]], seconds: float
) -> float:
    policy.explain(observation)
    passes, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        policy.explain(observation)
        passes += 1
    return passes / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
