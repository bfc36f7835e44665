# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sim evaluate`: how many unseen scenes the policy solves, over topics.

The robot and the attention node run as processes of their own, in lock-step on /clock: each
observation waits for its command, so the machine's load does not change the score.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.policy.engines.names import CHOICES, DTYPES
from pam_ros.share.commands import Parser
from pam_ros.share.folders import find_contract, share_directory
from pam_ros.sim.errors import SimError
from pam_ros.sim.processes import ProcessError, Processes, Stop, own_domain
from pam_ros.sim.scene import CONTROL_HZ

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

# The longest that loading the policy, or one episode, may take before something is wrong.
PATIENCE_SECONDS = 180.0


def main(argv: Sequence[str]) -> int:
    """Run the episodes and print `successes N/M`; returns the exit status.

    Raises:
        PamRosError: there is nothing to run, or a node has ended.
    """
    options = _parser().parse_args(argv)
    if options.episodes < 1:
        raise SimError("--episodes must be at least 1")
    own_domain(options.domain)
    stop = Stop()
    with tempfile.TemporaryDirectory(prefix="pam_ros_evaluate_") as logs:
        results = _run(options, Path(logs), stop)
    if len(results) < options.episodes:
        sys.stderr.write("stopped\n")
        return 130
    successes = sum(result["success"] for result in results)
    if options.json:
        Path(options.json).write_text(json.dumps(_summary(options, results), indent=2) + "\n")
    sys.stdout.write(f"successes {successes}/{len(results)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pam_ros sim evaluate", description=__doc__)
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--engine", default="auto", choices=CHOICES)
    parser.add_argument("--dtype", default="float32", choices=DTYPES)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1000, help="of the first scene")
    parser.add_argument(
        "--blind", action="store_true", help="replace both cameras by their mean image"
    )
    parser.add_argument(
        "--domain", type=int, default=None, help="ROS_DOMAIN_ID, to look on with ROS 2 tools"
    )
    parser.add_argument("--json", default="", help="write every episode's result to this file")
    return parser


def _run(options: argparse.Namespace, logs: Path, stop: Stop) -> list[dict[str, Any]]:
    from pam_ros.nodes.demo.result_listener import ResultListener  # noqa: PLC0415  (needs rclpy)

    processes = Processes(logs)
    listener = ResultListener()
    try:
        processes.start(
            "act_attention",
            params_file=share_directory() / "config" / "demo.yaml",
            policy=options.policy,
            contract=find_contract("demo_arm"),
            engine=options.engine,
            dtype=options.dtype,
            enabled=True,
            use_sim_time=True,
            # A lost image would be waited for in vain.
            image_reliability="reliable",
            joint_reliability="reliable",
            torch_threads=max(1, min(2, os.cpu_count() or 1)),
        )
        processes.start(
            "demo_robot",
            lock_step=True,
            episodes=options.episodes,
            seed=options.seed,
            blind=options.policy if options.blind else '""',
        )
        return _wait(listener, processes, options.episodes, stop)
    finally:
        processes.stop_all()
        listener.close()


def _wait(listener: Any, processes: Processes, episodes: int, stop: Stop) -> list[dict[str, Any]]:
    shown, last = 0, time.monotonic()
    while shown < episodes and not stop.asked:
        processes.check()
        results = listener.results()
        for result in results[shown:]:
            word = "reached" if result["success"] else "missed "
            sys.stdout.write(
                f"seed {result['seed']}: {word} after {result['ticks'] / CONTROL_HZ:.1f} s, "
                f"{result['distance'] * 100:.1f} cm\n"
            )
            sys.stdout.flush()
            last = time.monotonic()
        shown = len(results)
        if time.monotonic() - last > PATIENCE_SECONDS:
            raise ProcessError(f"nothing happened for {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)
    return list(listener.results())


def _summary(options: argparse.Namespace, results: list[dict[str, Any]]) -> dict[str, Any]:
    successes = sum(result["success"] for result in results)
    rate = successes / len(results)
    return {
        "policy": options.policy,
        "engine": options.engine,
        "dtype": options.dtype,
        "blind": options.blind,
        "first_seed": options.seed,
        "episodes": len(results),
        "successes": successes,
        "standard_error": math.sqrt(rate * (1 - rate) / len(results)),
        "results": results,
    }
