# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sim`: record the expert, train the demo policy, evaluate it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.share.commands import Parser
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import TRAINING_SEEDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_USAGE = """usage: pam_ros sim {evaluate,record,train} [...]

  evaluate  successes of a policy in unseen scenes, over topics; with --instructions, whether a
            policy that reads words does what they say
  record    the scripted expert's episodes as a LeRobotDataset
  train     a demo policy from scratch: ACT, or with --policy smolvla one that reads words
"""


def main(argv: Sequence[str]) -> int:
    """Run one of the sub-commands; returns the exit status."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    if word == "evaluate" and "--instructions" in rest:
        from pam_ros.commands.evaluate_words import main as words  # noqa: PLC0415  (slow to load)

        return words([argument for argument in rest if argument != "--instructions"])
    if word == "evaluate":
        from pam_ros.commands.evaluate import main as evaluate  # noqa: PLC0415  (needs rclpy)

        return evaluate(rest)
    jobs = {"record": _record, "train": _train}
    if word not in jobs:
        sys.stderr.write(f"pam_ros sim: '{word}' is not one of evaluate, record, train\n")
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    jobs[word](rest)
    return 0


def _record(argv: Sequence[str]) -> None:
    parser = Parser(
        prog="pam_ros sim record", description="Record the scripted expert as a LeRobotDataset."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the new dataset")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start, help="of the first scene")
    parser.add_argument(
        "--instructions", action="store_true",
        help="each scene three times, once for each object that may be asked for",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if options.instructions:
        from pam_ros.sim.words.episodes import record  # noqa: PLC0415  (slow to load)
    else:
        from pam_ros.sim.training.dataset import record  # noqa: PLC0415  (slow to load)

    record(options.out, range(options.seed, options.seed + options.episodes))


_OWN = {"act": ("episodes", "width"), "smolvla": ("steps", "batch")}
"""Options that only one kind of policy has."""


def _train(argv: Sequence[str]) -> None:
    parser = Parser(
        prog="pam_ros sim train",
        description="Train a demo policy from scratch; run again with the same --work to resume. "
        "What is not given is as in the shipped policy's training.",
    )
    parser.add_argument(
        "--policy", choices=tuple(_OWN), default="act",
        help="act reaches the red cube; smolvla what words name",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder of the checkpoint")
    parser.add_argument("--work", type=Path, help="folder of its state")
    parser.add_argument("--episodes", type=int, help="of act: full reaches")
    parser.add_argument("--width", type=int, help="of act: columns of its pictures")
    parser.add_argument("--steps", type=int, help="of smolvla")
    parser.add_argument("--batch", type=int, help="of smolvla: observations in a step")
    parser.add_argument(
        "--locate-weight", type=float,
        help="of the auxiliary loss that says where objects are; 0 trains without it",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--threads", type=int, help="of torch; else as many as it likes")
    parser.add_argument("--validate-every", type=int, default=1000, help="steps; 0 never")
    options = parser.parse_args(argv)
    for kind, names in _OWN.items():
        for name in names:
            if kind != options.policy and getattr(options, name) is not None:
                raise SimError(f"--{name} belongs to --policy {kind}, not {options.policy}")
    if options.threads is not None:
        if options.threads < 1:
            raise SimError(f"--threads must be at least 1, got {options.threads}")
        import torch  # noqa: PLC0415  (slow to load)

        torch.set_num_threads(options.threads)
    (_train_smolvla if options.policy == "smolvla" else _train_act)(options)


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _train_act(options: argparse.Namespace) -> None:
    from pam_ros.sim.training.recipe import Recipe, train_demo  # noqa: PLC0415  (slow to load)

    train_demo(
        options.out or Path("out/train/demo_act"),
        options.work or Path("out/train"),
        Recipe(**_given(options, "episodes", "width", "locate_weight")),
        options.device,
        options.validate_every,
    )


def _train_smolvla(options: argparse.Namespace) -> None:
    from pam_ros.sim.words.recipe import train_words  # noqa: PLC0415  (slow to load)
    from pam_ros.sim.words.train import Plan  # noqa: PLC0415

    train_words(
        options.out or Path("out/train_words/demo_smolvla"),
        options.work or Path("out/train_words"),
        Plan(**_given(options, "steps", "batch", "locate_weight")),
        options.device,
        options.validate_every,
    )
