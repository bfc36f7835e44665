# SPDX-License-Identifier: Apache-2.0
"""`pam_ros faithfulness`: does what the heat shows matter to the policy?

Prints a table for each method with 95% intervals over episodes. For the demo policy the pictures
come from the simulator, which also knows where the cube is and what the scene is without it; for
another policy from a LeRobot dataset.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness import methods as methods_module
from pam_ros.faithfulness.bootstrap import interval
from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.figure import draw
from pam_ros.faithfulness.journal import Journal
from pam_ros.faithfulness.measure import RANDOM
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.perturbation import BLUR_CELLS, mean_pictures, replacements
from pam_ros.faithfulness.randomisation import cascade, correlations
from pam_ros.faithfulness.report import Report, from_json, merged, rows_of
from pam_ros.faithfulness.subject import Subject, Work, measured
from pam_ros.faithfulness.swap import swapped_cells
from pam_ros.faithfulness.table import tables
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.probe import Probe

_LOG = logging.getLogger(__name__)
_LEAST_FOR_INTERVALS = 2
_FIRST_SCENE = 3000


def main(argv: Sequence[str]) -> int:
    """Measure, print the tables, write the report; returns the exit status."""
    options = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("pam_ros").setLevel(logging.INFO)
    if options.seed is None:
        options.seed = 0 if options.dataset else _FIRST_SCENE
    _check(options)
    report = _report(options)
    if options.json:
        Path(options.json).write_text(report.to_json(), encoding="utf-8")
        _partial(options).unlink(missing_ok=True)
    sys.stdout.write(tables(report))
    if options.figure:
        draw(report, Path(options.figure))
    return 0


def _partial(options: argparse.Namespace) -> Path:
    """Where the moments are kept until the report is written."""
    return Path(f"{options.json}.partial")


def _report(options: argparse.Namespace) -> Report:
    if options.show:
        return from_json(Path(options.show).read_text(encoding="utf-8"))
    if not options.add:
        return _run(options, None)
    earlier = from_json(Path(options.add).read_text(encoding="utf-8"))
    return merged(earlier, _run(options, earlier))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pam_ros faithfulness",
        description=__doc__,
        epilog=methods_module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        help="first scene, 3000 unless given; first episode of a dataset, 0 unless given",
    )
    parser.add_argument(
        "--dataset", default="", help="folder of a LeRobotDataset to look at, not the simulator"
    )
    parser.add_argument("--methods", default="attention,gradients", help="see below")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="deletion and insertion alone, all that the choice of a default needs",
    )
    parser.add_argument(
        "--replace", default="blur,mean", help="what replaces cells: blur, mean, or both"
    )
    parser.add_argument(
        "--moved",
        action="store_true",
        help="swap with the cube elsewhere too: needs each map of two renderings",
    )
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="chunks of spoilt pictures under torch's bfloat16 autocast, for GPUs",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the cores")
    parser.add_argument(
        "--sanity",
        type=int,
        default=0,
        metavar="EPISODES",
        help="compare with maps of shuffled weights on so many of the episodes",
    )
    parser.add_argument("--json", default="", help="write the report to this file")
    parser.add_argument(
        "--add", default="", help="report of the same episodes that the new rows join"
    )
    parser.add_argument(
        "--show", default="", help="print this report's tables again, and measure nothing"
    )
    parser.add_argument("--figure", default="", help="draw the curves into this PNG file")
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.episodes < _LEAST_FOR_INTERVALS:
        message = f"--episodes {options.episodes} must be at least 2: intervals are over episodes"
        raise AttentionError(message)
    if options.jobs < 1:
        message = f"--jobs {options.jobs} must be at least 1"
        raise AttentionError(message)
    if options.seed < 0:
        message = f"--seed {options.seed} must not be negative"
        raise AttentionError(message)
    if not 0 <= options.sanity <= options.episodes:
        message = f"--sanity {options.sanity} must be from 0 to the {options.episodes} episodes"
        raise AttentionError(message)
    for name in (options.json, options.figure):
        if name and not Path(name).resolve().parent.is_dir():
            message = f"{name} cannot be written: its folder does not exist"
            raise AttentionError(message)


def _run(options: argparse.Namespace, earlier: Report | None) -> Report:
    from pam_ros.policy import load_policy  # noqa: PLC0415  (torch takes seconds)

    policy = load_policy(options.policy, device=options.device, engine="eager")
    spec, wanted = policy.spec, parse(options.methods, policy.spec)
    # In this process first: whatever the policy cannot do is told before the simulator runs.
    subject = Subject(policy, wanted)
    cells = subject.cells
    words = tuple(word.strip() for word in options.replace.split(","))
    replacements(words, cells, {})  # refuses words that are none
    needed = {f"{kind}_{word}" for kind in ("deletion", "insertion") for word in words}
    baselines = earlier is None or not needed <= set(earlier.row(RANDOM).measures)
    run = {
        "policy": spec.sha256,
        "source": options.dataset or "simulator",
        "first_episode": options.seed,
        "episodes": options.episodes,
        "methods": [method.name for method in wanted],
        "quick": options.quick,
        "moved": options.moved,
        "replace": options.replace,
        "baselines": baselines,
        "bfloat16": options.bfloat16,
        "fractions": FRACTIONS,
        "blur_cells": BLUR_CELLS,
    }
    journal = Journal(_partial(options) if options.json else None, run)
    probes = _probes(options, spec)
    pictures = mean_pictures((probe.observation for probe in probes), cells)
    work = Work(
        policy=options.policy,
        device=options.device,
        methods=wanted,
        pictures=pictures,
        replace=words,
        baselines=baselines,
        bfloat16=options.bfloat16,
        jobs=options.jobs,
    )
    left = [probe for probe in probes if (probe.episode, probe.moment) not in journal]
    if options.quick:
        left = [replace(probe, cube={}, removed=None) for probe in left]
    if options.quick or not options.moved:
        left = [replace(probe, moved=None) for probe in left]
    _LOG.info("%d methods at %d moments, %d of them left", len(wanted), len(probes), len(left))
    for moment in measured(left, work):
        journal.add(moment)
        _LOG.info("%d of %d", len(journal.moments), len(probes))
    sanity = _sanity(options, subject, probes) if options.sanity else {}
    return Report(
        policy=Path(spec.name).name,
        policy_sha256=spec.sha256,
        source=Path(options.dataset).name if options.dataset else "simulator",
        first_episode=options.seed,
        episodes=tuple(dict.fromkeys(probe.episode for probe in probes)),
        moments=tuple(sorted({probe.moment for probe in probes})),
        fractions=FRACTIONS,
        blur_cells=BLUR_CELLS,
        swapped_cells=swapped_cells(cells),
        bfloat16=options.bfloat16,
        rows=rows_of(journal.moments, {m.name: m.extra_pass for m in wanted}, sanity),
    )


def _probes(options: argparse.Namespace, spec: Any) -> list[Probe]:
    if options.dataset:
        from pam_ros.faithfulness.dataset_probes import dataset_probes  # noqa: PLC0415

        return list(dataset_probes(Path(options.dataset), spec, options.seed, options.episodes))
    from pam_ros.faithfulness.simulator_probes import probes, scene_fits  # noqa: PLC0415
    from pam_ros.sim.scene import Scene  # noqa: PLC0415

    scene_fits(spec)
    with Scene() as scene:
        return list(probes(scene, range(options.seed, options.seed + options.episodes)))


def _sanity(
    options: argparse.Namespace, subject: Subject, probes: Sequence[Probe]
) -> dict[str, dict[str, Interval]]:
    """Rank correlation with shuffled weights' maps, by method and stage; first moments alone."""
    from pam_ros.policy import load_policy  # noqa: PLC0415
    from pam_ros.policy.checkpoint import open_checkpoint  # noqa: PLC0415

    first = {probe.episode: probe for probe in reversed(probes)}
    observations = [first[e].observation for e in sorted(first)[: options.sanity]]
    trained = [subject.values(observation) for observation in observations]
    found: dict[str, dict[str, Interval]] = {}
    with tempfile.TemporaryDirectory(prefix="pam_ros_shuffled_") as scratch:
        for stage, folder in cascade(open_checkpoint(options.policy, None).folder, Path(scratch)):
            shuffled = Subject(
                load_policy(folder, device=options.device, engine="eager"), subject.methods
            )
            _LOG.info("shuffled: %s", stage)
            maps = [shuffled.values(observation) for observation in observations]
            for name in trained[0]:
                values = correlations([m[name] for m in trained], [m[name] for m in maps])
                found.setdefault(name, {})[stage] = interval(values)
    return found
