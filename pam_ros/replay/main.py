# SPDX-License-Identifier: Apache-2.0
"""`pam_ros replay`: recordings through a policy, as if it had looked on.

Writes a bag with AttentionMaps, the policy's commands beside the recorded ones and, where asked
for, overlays and sparse features. Where a recording holds AttentionMaps, they say which images and
joint states belong together; elsewhere the stamps do. A replay that was stopped goes on with the
same command.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.attention.selection import LAST
from pam_ros.bags.main import add_metadata_version
from pam_ros.bags.metadata import VERSION
from pam_ros.observations.find import find_recordings
from pam_ros.observations.options import add_reading_options, reading_of
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.many import Task, run_tasks
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot.topics import NODE
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.replay.result import ReplayReport


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros replay ...`; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # A `kill` ends a replay as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = _settings(options)
    tasks = _tasks(options, settings)
    failed = 0
    for task, result in run_tasks(tasks, workers=options.workers, ray=options.ray):
        if isinstance(result, str):
            failed += 1
            sys.stderr.write(f"pam_ros replay: {task.bag}: {result}\n")
        else:
            _show(result)
    if failed and len(tasks) > 1:
        sys.stderr.write(f"pam_ros replay: {failed} of {len(tasks)} recordings failed\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "bag",
        nargs="+",
        help="bags (folder, .mcap, .db3), LeRobot datasets (folder, hub id), folders of either",
    )
    add("--out", required=True, help="the new bag; of several recordings, the folder of new bags")
    add("--policy", required=True, help="LeRobot checkpoint: folder or hub id")
    add("--sae", default="", help="folder of a sparse autoencoder: also its features")
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add("--threads", type=int, default=0, help="of torch, in each worker; 0: cores by workers")
    add("--batch", type=int, default=8, help="forward passes at a time")
    add("--workers", type=int, default=1, help="processes; each replays one recording at a time")
    add("--ray", default="", help='address of a Ray cluster ("local": one on this machine)')
    add("--overlays", action="store_true", help="also the heat drawn on the cameras' images")
    add("--no-copy", action="store_true", help="leave the recording's own topics out of --out")
    add("--method", default="", help="what maps show; default: as recorded, else contribution")
    add("--layer", type=int, default=-1)
    add("--head", default="mean")
    add("--query", default="mean")
    add("--step", default=LAST, help="of the denoising: last, mean or its number")
    add("--target", default="chunk", help="of contributions: chunk or a joint, as gripper[0:10]")
    add(
        "--targets",
        action="append",
        default=[],
        metavar="TARGET",
        help="a further target, with a topic of its own; may be repeated; default: as recorded",
    )
    add("--instruction", default="", help="to a policy that reads words; default: as recorded")
    add("--ignore-maps", action="store_true", help="recorded maps do not choose the ticks")
    add("--episodes", default="", help="of a dataset, such as 0,4-7; default: all")
    add("--n-action-steps", type=int, default=0, help="queue mode with so many actions of a chunk")
    add("--temporal-ensemble-coeff", type=float, default=None)
    add("--storage", choices=("mcap", "sqlite3"), default="mcap")
    add("--compression", choices=("none", "zstd"), default="none")
    add_metadata_version(parser)
    add("--node", default=NODE, help="the live node's name in recording and result")
    add_reading_options(parser)
    return parser


def _settings(options: argparse.Namespace) -> ReplaySettings:
    for name, least in (("batch", 1), ("workers", 1), ("threads", 0)):
        if not getattr(options, name) >= least:
            raise ReplayError(f"--{name.replace('_', '-')} must be {least} or more")
    reading = reading_of(options)
    return ReplaySettings(
        policy=options.policy,
        contract=reading.contract,
        sae=options.sae,
        device=options.device,
        threads=options.threads,
        batch=options.batch,
        method=options.method,
        layer=options.layer,
        head=options.head,
        query=options.query,
        step=options.step,
        target=options.target,
        targets=tuple(options.targets),
        instruction=options.instruction,
        rate_hz=reading.rate_hz,
        ignore_maps=options.ignore_maps,
        overlays=options.overlays,
        copy_topics=not options.no_copy,
        n_action_steps=options.n_action_steps,
        temporal_ensemble_coeff=options.temporal_ensemble_coeff,
        storage=options.storage,
        compression=options.compression,
        metadata_version=options.metadata_version or VERSION,
        node=options.node,
        remaps=reading.topics,
        rename=reading.rename,
        episodes=options.episodes,
    )


def _tasks(options: argparse.Namespace, settings: ReplaySettings) -> list[Task]:
    bags, several = find_recordings(options.bag)
    out = Path(options.out)
    if not several:
        return [Task(bags[0], out, settings)]
    names = [bag.stem if bag.is_file() else bag.name for bag in bags]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReplayError(f"several recordings are named {', '.join(twice)}: replay them apart")
    return [
        Task(bag, out / name, settings, skip_finished=True)
        for bag, name in zip(bags, names, strict=True)
    ]


def _show(report: ReplayReport) -> None:
    rate = report.ran / max(report.seconds, 1e-9)
    sys.stdout.write(
        f"{report.bag}: {report.ticks} ticks, {report.valid} with a map, {rate:.1f} a second -> "
        f"{report.out}\n"
    )
    for cause, count in report.counts.items():
        sys.stdout.write(f"  {cause}: {count}\n")
    for note in report.notes:
        sys.stdout.write(f"  {note}\n")
