# SPDX-License-Identifier: Apache-2.0
"""From the options of a command line to a report about words."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.journal import Journal
from pam_ros.ablation.language.job import Job, Wanted
from pam_ros.ablation.language.output import JOURNAL, locked, write_files
from pam_ros.ablation.run import looked_at_recording, looked_at_simulator
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.selection import make_selection, methods_of
from pam_ros.faithfulness.simulator_probes import scene_fits
from pam_ros.observations.options import open_recorded
from pam_ros.policy import load_policy
from pam_ros.policy.words import instruction_of, read_words, why_unread
from pam_ros.sae.policy_options import set_threads
from pam_ros.share.working import working
from pam_ros.sim.instructions import instruction
from pam_ros.sim.scene import OBJECTS, Scene
from pam_ros.tick.contribution import usual_attention

if TYPE_CHECKING:
    import argparse

    from pam_ros.ablation.language.report import LanguageReport
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import PolicySpec

_LOG = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> LanguageReport:
    """Measure, write the files if a folder is named, and give the report.

    Raises:
        PamRosError: an option, the policy or the source cannot be used.
    """
    set_threads(options)
    with working(f"loading {options.policy}"):
        policy = load_policy(options.policy, device=options.device, engine="eager")
    unread = why_unread(policy)
    if unread:
        raise AblationError(f"{unread}: pam_ros ablate says which inputs it uses")
    if not (options.bag or options.dataset or options.instruction or instruction_of(policy)):
        # Of the simulator, and nobody says what: its own objects.
        options.instruction = instruction(OBJECTS[0])
        options.other = options.other or [instruction(name) for name in OBJECTS[1:]]
    if options.instruction:
        read_words(policy, options.instruction, "--instruction")
    folder = Path(options.out) if options.out else None
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(locked(folder))
        source = open_recorded(options, policy)
        scenes: list[int] = []
        if source is not None:
            looked = looked_at_recording(options, policy, source)
            about = " ".join([source.dataset, options.contract, *options.topic, *options.rename])
            about = f"{about} {options.rate_hz:g}"
        else:
            scene_fits(policy.spec)
            scene = stack.enter_context(Scene())
            looked, runs = looked_at_simulator(options, policy, scene)
            about, scenes = "simulator", [run.ending.seed for run in runs]
        wanted = Wanted(
            options.instruction,
            tuple(options.other),
            tuple(options.absent),
            _selection(options, policy.spec),
        )
        job = Job(policy, looked, wanted)
        file = None if folder is None else folder / JOURNAL
        journal = Journal(file, job.identity(about, scenes))
        job.measure(journal, _LOG.info)
        report = job.report(journal)
        if folder is not None:
            write_files(folder, report)
    return report


def _selection(options: argparse.Namespace, spec: PolicySpec) -> Selection | None:
    """The attention that was asked for, or the usual one; None for a policy that has none."""
    look = options.layer, options.head, options.query
    step = options.step
    try:
        if options.method:
            return make_selection(options.method, *look, spec, step)
        return usual_attention(spec, *look, step) if methods_of(spec) else None
    except AttentionError as error:
        raise AblationError(str(error).replace("'attention_", "'--")) from error
