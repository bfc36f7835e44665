# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sim evaluate --instructions`: whether a policy does what words say, in unseen scenes.

The policy and the simulator run in this process, one after the other, without topics.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.share.commands import Parser
from pam_ros.share.folders import share_directory
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import EVALUATION_SEEDS, TRAINING_SEEDS, Scene
from pam_ros.sim.words.obedience import Counts, summary, table, trials
from pam_ros.sim.words.trials import run_trial

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.sim.words.actors import WordActor


def main(argv: Sequence[str]) -> int:
    """Run the trials and print the table; returns the exit status.

    Raises:
        PamRosError: there is nothing to run, or the policy reads no words.
    """
    options = _parser().parse_args(argv)
    counts = Counts(options.episodes, options.held_out, options.changed, options.controls)
    if min(vars(counts).values()) < 0 or max(vars(counts).values()) == 0:
        raise SimError("numbers of scenes must be 0 or more, and one of them at least 1")
    last = options.seed + max(vars(counts).values()) - 1
    if options.seed < 0 or last >= TRAINING_SEEDS.start:
        raise SimError(
            f"scenes {options.seed} to {last} are not all unseen: those from "
            f"{TRAINING_SEEDS.start} on are for training"
        )
    if options.threads is not None and options.threads < 1:
        raise SimError(f"--threads must be at least 1, got {options.threads}")
    with redirect_stdout(sys.stderr):  # lerobot prints while it loads
        actor = _actor(options)
    outcomes = []
    planned = list(trials(options.seed, counts, masked=options.through == "lerobot"))
    with Scene() as scene:
        for number, trial in enumerate(planned, start=1):
            outcomes.append(run_trial(scene, actor, trial))
            if number % 10 == 0 or number == len(planned):
                sys.stderr.write(f"{number} of {len(planned)} trials\n")
    if options.json:
        content = summary(options.policy, options.seed, outcomes)
        Path(options.json).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(table(outcomes))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="pam_ros sim evaluate --instructions", description=__doc__)
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_smolvla"))
    parser.add_argument(
        "--through", choices=("pam_ros", "lerobot"), default="lerobot",
        help="pam_ros's policy, or LeRobot's own class, which alone can have its words masked",
    )  # fmt: skip
    parser.add_argument(
        "--episodes", type=int, default=Counts.scenes, help="scenes with each instruction"
    )
    parser.add_argument(
        "--held-out", type=int, default=Counts.held_out, help="scenes with each held-out phrasing"
    )
    parser.add_argument(
        "--changed", type=int, default=Counts.changed, help="scenes with other words on the way"
    )
    parser.add_argument(
        "--controls", type=int, default=Counts.controls,
        help="scenes with masked words, nonsense and an absent object, each",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=EVALUATION_SEEDS.start, help="first scene")
    parser.add_argument("--threads", type=int, help="of torch; else as many as it likes")
    parser.add_argument("--json", default="", help="write rows and every trial to this file")
    return parser


def _actor(options: argparse.Namespace) -> WordActor:
    import torch  # noqa: PLC0415  (slow to load)

    from pam_ros.sim.words.actors import LeRobotActor, PolicyActor  # noqa: PLC0415

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    if options.through == "pam_ros":
        from pam_ros.policy import load_policy  # noqa: PLC0415

        return PolicyActor(load_policy(options.policy))
    from pam_ros.sim.words.checkpoint import load_checkpoint  # noqa: PLC0415

    return LeRobotActor(*load_checkpoint(Path(options.policy)))
