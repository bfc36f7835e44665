# SPDX-License-Identifier: Apache-2.0
"""From the options of a command line to a report."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.closed_loop import intact_run, simulated_moments
from pam_ros.ablation.inputs import chosen_inputs
from pam_ros.ablation.job import Job, Looked, Wanted
from pam_ros.ablation.journal import Journal
from pam_ros.ablation.moments import recorded_moments
from pam_ros.ablation.numbers import unit_of
from pam_ros.ablation.output import JOURNAL, locked, write_files
from pam_ros.ablation.replacements import check_replacements
from pam_ros.faithfulness.simulator_probes import scene_fits
from pam_ros.observations.options import open_recorded
from pam_ros.observations.simulator import simulators_words
from pam_ros.policy import load_policy
from pam_ros.policy.words import read_words
from pam_ros.sae.policy_options import set_threads
from pam_ros.share.working import working
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import JOINT_NAMES, TRAINING_SEEDS, Scene

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.ablation.closed_loop import Run
    from pam_ros.ablation.report import Report
    from pam_ros.observations.source import RecordedSource
    from pam_ros.policy.interface import Policy
    from pam_ros.robot.parts import JointContract

_LOG = logging.getLogger(__name__)
_FIRST_SCENE = 1000
_SCENES, _EPISODES = 20, 50


def run(options: argparse.Namespace) -> Report:
    """Measure, write the files if a folder is named, and give the report.

    Raises:
        PamRosError: an option, the policy or the source cannot be used.
    """
    replacements = check_replacements(_listed(options.replace))
    set_threads(options)
    with working(f"loading {options.policy}"):
        policy = load_policy(options.policy, device=options.device, engine="eager")
    inputs = chosen_inputs(policy.spec, _listed(options.inputs))
    wanted = Wanted(inputs, replacements, named=bool(options.replace))
    folder = Path(options.out) if options.out else None
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(locked(folder))
        source = open_recorded(options, policy)
        if source is not None:
            return _recorded(options, policy, source, wanted, folder)
        scene_fits(policy.spec)
        scene = stack.enter_context(Scene())
        return _simulated(options, policy, scene, wanted, folder)


def _recorded(
    options: argparse.Namespace,
    policy: Policy,
    source: RecordedSource,
    wanted: Wanted,
    folder: Path | None,
) -> Report:
    job = Job(policy, looked_at_recording(options, policy, source), wanted)
    about = " ".join([source.dataset, options.contract, *options.topic, *options.rename])
    journal = _journal(folder, job, f"{about} {options.rate_hz:g}", ())
    job.measure(journal, _LOG.info)
    return _written(folder, job, journal)


def looked_at_recording(
    options: argparse.Namespace, policy: Policy, source: RecordedSource
) -> Looked:
    """The moments of bags or a data set that --seed, --episodes and --frames choose."""
    episodes = _EPISODES if options.episodes is None else options.episodes
    moments = recorded_moments(
        source, options.seed or 0, episodes, options.frames, policy.spec.history
    )
    _LOG.info("%s: %d frames", source.dataset, len(moments))
    names = [(joint.label, _unit(joint)) for joint in source.contract.command.joints]
    notes: tuple[str, ...] = ()
    if options.dataset and not options.contract:
        names = [(name, "") for name, _ in names]
        notes = ("joints are in the dataset's own units, which --contract would name",)
    return Looked(source.dataset, moments, names, notes)


def looked_at_simulator(
    options: argparse.Namespace, policy: Policy, scene: Scene
) -> tuple[Looked, list[Run]]:
    """The moments that the options choose of scenes that the policy drives, and the drives."""
    seeds = _seeds(options)
    words = simulators_words(policy)
    if words:
        read_words(policy, words, "the simulator's instruction")
    runs: list[Run] = []
    for seed in seeds:
        runs.append(intact_run(scene, policy, seed))
        word = "reached" if runs[-1].ending.success else "missed"
        _LOG.info("scene %d: %s, %d ticks", seed, word, runs[-1].ending.ticks)
    moments = simulated_moments(runs, options.frames, policy.spec.history)
    where = f"demo arm driven by the policy, scenes {seeds[0]} to {seeds[-1]}"
    return Looked(where, moments, [(name, "rad") for name in JOINT_NAMES]), runs


def _simulated(
    options: argparse.Namespace, policy: Policy, scene: Scene, wanted: Wanted, folder: Path | None
) -> Report:
    looked, runs = looked_at_simulator(options, policy, scene)
    job = Job(policy, looked, wanted)
    journal = _journal(folder, job, "simulator", [run.ending.seed for run in runs])
    job.measure(journal, _LOG.info)
    if options.closed_loop:
        job.drive(journal, scene, runs, _LOG.info)
    return _written(folder, job, journal)


def _seeds(options: argparse.Namespace) -> range:
    first = _FIRST_SCENE if options.seed is None else options.seed
    count = _SCENES if options.episodes is None else options.episodes
    if first + count > TRAINING_SEEDS.start:
        raise SimError(
            f"scene {first + count - 1} must be from 0 to {TRAINING_SEEDS.start - 1}: the demo "
            "policy was trained on the later ones"
        )
    return range(first, first + count)


def _journal(folder: Path | None, job: Job, source: str, seeds: Sequence[int]) -> Journal:
    file = None if folder is None else folder / JOURNAL
    return Journal(file, job.identity(source, seeds))


def _written(folder: Path | None, job: Job, journal: Journal) -> Report:
    report = job.report(journal)
    if folder is not None:
        write_files(folder, report, job.pictures())
    return report


def _unit(joint: JointContract) -> str:
    """The unit of the policy's numbers; a scaled number has none that has a name."""
    return unit_of(joint.unit) if abs(joint.scale) == 1 else ""


def _listed(option: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in option.split(",") if word.strip())
