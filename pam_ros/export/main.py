# SPDX-License-Identifier: Apache-2.0
"""`pam_ros export lerobot`: recordings into a LeRobot dataset to train on.

Each observation is what the live node would look at, with its stamps; its action is the command
that followed. Episodes are the recording's own. An export that was stopped goes on with the same
command, and the dataset appears only when it is whole and was read back.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.export.dataset import Export
from pam_ros.export.errors import ExportError
from pam_ros.export.settings import ANNOTATIONS, CODECS, CRF, ExportSettings
from pam_ros.export.stopping import Stop
from pam_ros.observations.find import find_recordings, is_dataset
from pam_ros.robot.topics import NODE
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pam_ros.export.dataset import Exported
    from pam_ros.export.result import BagReport

_USAGE = """usage: pam_ros export {lerobot} [...]

  lerobot  recordings as a LeRobot dataset
"""


def main(argv: Sequence[str]) -> int:
    """Run `pam_ros export ...`; returns the exit status."""
    word, rest = (argv[0], list(argv[1:])) if argv else ("--help", [])
    if word in {"-h", "--help"}:
        sys.stdout.write(_USAGE)
        return 0
    if word != "lerobot":
        sys.stderr.write(f"pam_ros export: '{word}' is not one of lerobot\n")
        return 1
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return _lerobot(_parser().parse_args(rest), Stop())


def _lerobot(options: argparse.Namespace, stop: Stop) -> int:
    exported = Export(
        _bags(options.bag),
        Path(options.out).expanduser(),
        _settings(options),
        _tell,
        workers=options.workers,
        ray=options.ray,
        check=not options.no_check,
        leave_out_failed=options.leave_out_failed,
        alive=stop.check,
    ).run()
    _show(exported)
    return 1 if exported.new and exported.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros export lerobot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bag", nargs="+", help="bags (folder, .mcap, .db3), folders of bags, patterns")
    add("--contract", required=True, help="YAML file or name of the robot's contract")
    add("--out", required=True, help="the dataset: a new folder")
    add("--task", default="", help="text of every episode; default: as the recording says")
    add("--fps", type=int, default=0, help="observations at this rate; default: the contract's")
    add(
        "--without-command",
        choices=("drop", "repeat"),
        default="drop",
        help="an observation that no command followed is left out, or has the last one again",
    )
    add(
        "--pictures",
        choices=("source", "contract"),
        default="source",
        help="turned and cut by the contract: at the camera's size, or resized as well",
    )
    add("--images", action="store_true", help="pictures without loss, as PNG, instead of videos")
    add("--codec", choices=CODECS, default=CODECS[0], help="of the videos")
    add("--crf", type=int, default=CRF, help="quality of the videos: lower is better and larger")
    add("--workers", type=int, default=1, help="processes; each exports one recording at a time")
    add("--ray", default="", help='address of a Ray cluster ("local": one on this machine)')
    add("--no-check", action="store_true", help="do not read the dataset back")
    add("--leave-out-failed", action="store_true", help="make it without recordings that fail")
    add("--ignore-maps", action="store_true", help="recorded maps do not choose the observations")
    add("--node", default=NODE, help="the attention node's full name in the recording")
    add("--annotations", default=ANNOTATIONS, help="topic on which people mark episodes")
    add(
        "--topic",
        action="append",
        default=[],
        metavar="CONTRACT_TOPIC=BAG_TOPIC",
        help="where the recording has another name for a topic of the contract",
    )
    return parser


def _bags(names: Sequence[str]) -> list[Path]:
    bags, _ = find_recordings(names)
    for bag in bags:
        if is_dataset(bag):
            raise ExportError(f"{bag} is a LeRobot dataset already, or there is no such bag")
        if not bag.exists():
            raise ExportError(f"bag {bag} does not exist")
    return bags


def _settings(options: argparse.Namespace) -> ExportSettings:
    remaps = {}
    for entry in options.topic:
        ours, found, theirs = entry.partition("=")
        if not (ours and found and theirs):
            raise ExportError(f"--topic '{entry}': write CONTRACT_TOPIC=BAG_TOPIC")
        remaps[ours] = theirs
    for name, least, most in (("fps", 0, 1000), ("crf", 0, 51), ("workers", 1, 1024)):
        if not least <= getattr(options, name) <= most:
            raise ExportError(f"--{name} must be {least} to {most}")
    return ExportSettings(
        contract=options.contract,
        fps=options.fps,
        task=options.task,
        without_command=options.without_command,
        pictures=options.pictures,
        images=options.images,
        codec=options.codec,
        crf=options.crf,
        node=options.node,
        annotations=options.annotations,
        ignore_maps=options.ignore_maps,
        remaps=remaps,
    )


def _tell(bag: Path, result: BagReport | str) -> None:
    if isinstance(result, str):
        text = result if str(bag) in result else f"{bag}: {result}"
        sys.stderr.write(f"pam_ros export lerobot: {text}\n")
        return
    sys.stdout.write(f"{bag}: {_number(len(result.episodes), 'episode')}, {result.frames} frames\n")
    for cause, count in result.counts.items():
        sys.stdout.write(f"  {cause}: {count}\n")
    for note in result.notes:
        sys.stdout.write(f"  {note}\n")


def _show(exported: Exported) -> None:
    recordings = exported.summary["recordings"]
    episodes = [episode for recording in recordings for episode in recording["episodes"]]
    frames = sum(episode["frames"] for episode in episodes)
    word = "" if exported.new else "is there already: "
    sys.stdout.write(
        f"{exported.out} {word}{_number(len(episodes), 'episode')}, {frames} frames, "
        f"{exported.summary['fps']} a second\n"
    )
    if not all(episode["task"] for episode in episodes):
        sys.stdout.write("  no task text: --task TEXT gives one, for policies that read it\n")
    if "check" in exported.summary:
        sys.stdout.write(f"  read back by lerobot: {_check(exported.summary['check'])}\n")
    for bag in exported.failed:
        sys.stdout.write(f"  without {bag}\n")


def _check(figures: dict[str, Any]) -> str:
    told = f"stamps, states and actions of all {figures['frames']} frames are equal"
    count = figures["pictures"]
    if not count:
        return told
    if figures["equal_pictures"] == count:
        return f"{told}, and so are {count} pictures compared"
    return (
        f"{told}; PSNR of {count} pictures {figures['psnr_median_db']} dB (median), "
        f"{figures['psnr_p5_db']} dB (5th percentile)"
    )


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
