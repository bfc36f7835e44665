# SPDX-License-Identifier: Apache-2.0
"""One run: a policy, its moments, and the report of both."""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.bootstrap import interval
from pam_ros.faithfulness.columns import areas_of
from pam_ros.faithfulness.cost import costs
from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.journal import Journal
from pam_ros.faithfulness.measure import RANDOM, RANDOM_DRAWS
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.patches import ordinary
from pam_ros.faithfulness.perturbation import (
    BLUR_CELLS,
    REPLACEMENTS,
    mean_pictures,
    replacements,
)
from pam_ros.faithfulness.plan import Plan, Progress, choose, seconds, spoken
from pam_ros.faithfulness.randomisation import cascade, correlations
from pam_ros.faithfulness.report import SIMULATOR, Report
from pam_ros.faithfulness.rows import agreement_of, facts_of, rows_of
from pam_ros.faithfulness.subject import NOISE_OWN, Subject, Work, measured, without_ability
from pam_ros.faithfulness.swap import swapped_cells
from pam_ros.observations.options import open_recorded
from pam_ros.observations.simulator import simulators_words
from pam_ros.policy.abilities import Contributing
from pam_ros.policy.token_means import load_means, save_means
from pam_ros.share.errors import PamRosError
from pam_ros.share.working import working

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.faithfulness.bootstrap import Interval
    from pam_ros.faithfulness.cost import Costs
    from pam_ros.faithfulness.methods import Method
    from pam_ros.faithfulness.probe import Probe
    from pam_ros.policy.interface import Policy

AUTO = "auto"
_LOG = logging.getLogger(__name__)


def partial_file(options: argparse.Namespace) -> Path:
    """Where the moments are kept until the report is written."""
    return Path(f"{options.json}.partial")


def run(options: argparse.Namespace, earlier: Report | None) -> Report:
    """Measure what the command's options say.

    Args:
        options: of main.parser.
        earlier: a report that has the baselines already, if there is one.

    Raises:
        PamRosError: what was asked for cannot be measured.
    """
    from pam_ros.policy import load_policy  # noqa: PLC0415  (torch takes seconds)

    with working(f"loading {options.policy}"):
        policy = load_policy(options.policy, device=options.device, engine="eager")
    asked = parse(options.methods, policy.spec)
    lacking = without_ability(policy, asked)
    wanted = tuple(method for method in asked if method.name not in lacking)
    # In this process first: whatever the policy cannot do is told before the simulator runs.
    recorded = options.dataset or options.bag
    said = options.instruction or ("" if recorded else simulators_words(policy))
    subject = Subject(policy, wanted or asked, instruction=said)
    _told(policy, subject, lacking)
    words = _words(options, subject, earlier)
    fractions = FRACTIONS if earlier is None else earlier.fractions
    baselines = earlier is None or not set(words) <= set(_measured(earlier))
    probes = _probes(options, policy)
    pictures = mean_pictures((probe.observation for probe in probes), subject.cells)
    elsewhere = ordinary(probes, subject.cells, pictures)
    probes = [replace(p, elsewhere=patches) for p, patches in zip(probes, elsewhere, strict=True)]
    instructions = sorted({subject.say(probe) for probe in probes} - {""})
    subject.say(probes[0])
    means = _token_means(options, subject, probes, policy)
    timed = costs(subject, probes[0].observation)
    journal = Journal(
        partial_file(options) if options.json else None,
        _identity(options, policy, wanted, baselines=baselines),
        lambda: _chosen(Plan(words, fractions), timed, wanted, probes, baselines=baselines),
    )
    plan = Plan(tuple(journal.chosen["replace"]), tuple(journal.chosen["fractions"]))
    work = Work(
        policy=options.policy,
        device=options.device,
        methods=wanted,
        pictures=pictures,
        replace=plan.replace,
        baselines=baselines,
        bfloat16=options.bfloat16,
        jobs=options.jobs,
        fractions=plan.fractions,
        means=means,
        instruction=said,
    )
    expected = _expected(plan, timed, wanted, probes, baselines=baselines)
    _measure(probes, work, journal, expected)
    sanity = _sanity(options, subject, probes, said) if options.sanity else {}
    extra_pass = {method.name: method.extra_pass for method in wanted}
    rows = rows_of(journal.moments, extra_pass, sanity, timed.methods)
    return Report(
        policy=Path(policy.spec.name).name,
        policy_sha256=policy.spec.sha256,
        source=_source_name(options),
        first_episode=options.seed,
        episodes=tuple(dict.fromkeys(probe.episode for probe in probes)),
        moments=tuple(sorted({probe.moment for probe in probes})),
        fractions=plan.fractions,
        blur_cells=BLUR_CELLS,
        swapped_cells=swapped_cells(subject.cells),
        bfloat16=options.bfloat16,
        rows=rows,
        facts=facts_of(journal.moments),
        agreement=agreement_of(rows),
        lacking=lacking,
        noise=subject.noise,
        instructions=tuple(instructions),
    )


def _token_means(
    options: argparse.Namespace, subject: Subject, probes: Sequence[Probe], policy: Policy
) -> NDArray[np.float32] | None:
    """What token_contribution compares with; None if it is not measured, or the policy's own."""
    own = isinstance(policy, Contributing) and policy.tokens_compared_with == "fitted"
    if own and not (options.token_means or options.save_token_means):
        return None
    means = subject.mean_tokens([probe.observation for probe in probes])
    if options.save_token_means:
        if means is None:
            message = "--save-token-means needs token_contribution among --methods"
            raise AttentionError(message)
        save_means(options.save_token_means, means, policy.spec)
    if options.token_means:
        means = load_means(options.token_means, policy.spec)
    subject.compare_tokens_with(means)
    return means


def _told(policy: Policy, subject: Subject, lacking: dict[str, str]) -> None:
    for method, reason in lacking.items():
        _LOG.warning("%s is left out: %s", method, reason)
    if subject.noise == NOISE_OWN:
        _LOG.warning(
            "%s draws other noise for each picture and cannot share it: what is measured holds "
            "the difference of the noise as well",
            policy.spec.name,
        )


def _words(
    options: argparse.Namespace, subject: Subject, earlier: Report | None
) -> tuple[str, ...]:
    """The replacements asked for, or those of the earlier report; none where the run decides."""
    words = tuple(word.strip() for word in options.replace.split(","))
    if words == (AUTO,):
        return () if earlier is None else _measured(earlier)
    replacements(words, subject.cells, {})  # refuses words that are none
    return words


def _measured(earlier: Report) -> tuple[str, ...]:
    """The replacements by which its baselines were measured."""
    found = set(earlier.row(RANDOM).measures)
    return tuple(word for word in REPLACEMENTS if set(areas_of(word)) <= found)


def _identity(
    options: argparse.Namespace, policy: Policy, methods: Sequence[Method], *, baselines: bool
) -> dict[str, Any]:
    """Whatever decides the measurements, but for what the run decides itself."""
    return {
        "policy": policy.spec.sha256,
        "source": _source(options),
        "first_episode": options.seed,
        "episodes": options.episodes,
        "methods": [method.name for method in methods],
        "quick": options.quick,
        "moved": options.moved,
        "replace": options.replace,
        "baselines": baselines,
        "bfloat16": options.bfloat16,
        "blur_cells": BLUR_CELLS,
        **({"instruction": options.instruction} if options.instruction else {}),
    }


def _load(
    methods: Sequence[Method], probes: Sequence[Probe], *, baselines: bool
) -> tuple[int, int, int]:
    """Orders of cells, renderings swapped in, and runs of each method, at the first moment."""
    first = probes[0]
    orders = len(methods) + (RANDOM_DRAWS + 1 + bool(first.cube) if baselines else 0)
    moved = int(first.moved is not None)
    return orders, moved + int(first.removed is not None), 1 + moved


def _chosen(
    asked: Plan,
    timed: Costs,
    methods: Sequence[Method],
    probes: Sequence[Probe],
    *,
    baselines: bool,
) -> dict[str, Any]:
    if asked.replace:
        return {"replace": asked.replace, "fractions": asked.fractions}
    plan = choose(timed, *_load(methods, probes, baselines=baselines))
    _LOG.info("cells are replaced by %s, at %d shares of them: what the time allows",
              ", ".join(plan.replace), len(plan.fractions) - 2)  # fmt: skip
    return {"replace": plan.replace, "fractions": plan.fractions}


def _expected(
    plan: Plan,
    timed: Costs,
    methods: Sequence[Method],
    probes: Sequence[Probe],
    *,
    baselines: bool,
) -> float:
    return seconds(plan, timed, *_load(methods, probes, baselines=baselines))


def _measure(probes: Sequence[Probe], work: Work, journal: Journal, expected: float) -> None:
    """The moments that the journal does not have, with a line at each."""
    left = [probe for probe in probes if (probe.episode, probe.moment) not in journal]
    done = len(probes) - len(left)
    progress = Progress(len(probes), done, expected)
    _LOG.info("%d methods; %s", len(work.methods), progress.line(done, 0.0))
    begin = time.monotonic()
    for moment in measured(left, work):
        journal.add(moment)
        _LOG.info("%s", progress.line(len(journal.moments), time.monotonic() - begin))
    if left:
        _LOG.info("measured in %s", spoken(time.monotonic() - begin))


def _probes(options: argparse.Namespace, policy: Policy) -> list[Probe]:
    found = _found(options, policy)
    if options.quick:
        found = [replace(p, cube={}, removed=None, undistracted=None) for p in found]
    if options.quick or not options.moved:
        found = [replace(probe, moved=None) for probe in found]
    return found


def _found(options: argparse.Namespace, policy: Policy) -> list[Probe]:
    source = open_recorded(options, policy)
    if source is not None:
        from pam_ros.faithfulness.recorded_probes import recorded_probes  # noqa: PLC0415

        return list(recorded_probes(source, options.seed, options.episodes))
    from pam_ros.faithfulness.simulator_probes import probes, scene_fits  # noqa: PLC0415
    from pam_ros.sim.scene import Scene  # noqa: PLC0415

    size = scene_fits(policy.spec)
    with Scene() as scene:
        seeds = range(options.seed, options.seed + options.episodes)
        return list(probes(scene, seeds, size))


def _source(options: argparse.Namespace) -> str:
    """The recordings as they were named, with what reads them differently; or the simulator."""
    if not options.dataset and not options.bag:
        return SIMULATOR
    given = [options.contract, *options.topic, *options.rename]
    given += [f"{options.rate_hz:g} Hz"] if options.rate_hz else []
    return " ".join([options.dataset, *options.bag, *filter(None, given)]).strip()


def _source_name(options: argparse.Namespace) -> str:
    names = [options.dataset] if options.dataset else options.bag
    return ", ".join(Path(name).name for name in names) or SIMULATOR


def _sanity(
    options: argparse.Namespace, subject: Subject, probes: Sequence[Probe], said: str
) -> dict[str, dict[str, Interval]]:
    """Rank correlation with shuffled weights' maps, by method and stage; first moments alone."""
    from pam_ros.policy import load_policy  # noqa: PLC0415
    from pam_ros.policy.checkpoint import open_checkpoint  # noqa: PLC0415

    first = {probe.episode: probe for probe in reversed(probes)}
    chosen = [first[e] for e in sorted(first)[: options.sanity]]
    trained = [_values(subject, probe) for probe in chosen]
    found: dict[str, dict[str, Interval]] = {}
    with tempfile.TemporaryDirectory(prefix="pam_ros_shuffled_") as scratch:
        for stage, folder in cascade(open_checkpoint(options.policy, None).folder, Path(scratch)):
            shuffled = Subject(
                load_policy(folder, device=options.device, engine="eager"),
                subject.methods,
                instruction=said,
            )
            _LOG.info("shuffled: %s", stage)
            shuffled.say(probes[0])
            shuffled.compare_tokens_with(shuffled.mean_tokens([p.observation for p in probes]))
            maps = [_tried(shuffled, probe) for probe in chosen]
            for name in trained[0]:
                both = [(a[name], b[name]) for a, b in zip(trained, maps, strict=True) if name in b]
                values = correlations([a for a, _ in both], [b for _, b in both])
                found.setdefault(name, {})[stage] = interval(values)
    return found


def _values(subject: Subject, probe: Probe) -> dict[str, NDArray[np.float64]]:
    subject.say(probe)
    return subject.values(probe.observation)


def _tried(shuffled: Subject, probe: Probe) -> dict[str, NDArray[np.float64]]:
    """The maps; none where shuffled weights give numbers that are not finite."""
    try:
        return _values(shuffled, probe)
    except PamRosError as error:
        _LOG.warning("no maps of shuffled weights: %s", error)
        return {}
