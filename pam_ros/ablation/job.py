# SPDX-License-Identifier: Apache-2.0
"""One run: moments, the chunk's ways, and in the simulator the episodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.ablation.answers import answer
from pam_ros.ablation.closed_loop import INTACT, spoilt_runs
from pam_ros.ablation.measure import measure
from pam_ros.ablation.moments import others
from pam_ros.ablation.passes import Passes
from pam_ros.ablation.pictures import pictures_of
from pam_ros.ablation.plan import planned
from pam_ros.ablation.replacements import OTHER, Replacer, means_of
from pam_ros.ablation.report import Joint, Report
from pam_ros.ablation.rows import Rows, action_spreads, closed, with_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pam_ros.ablation.closed_loop import Run
    from pam_ros.ablation.inputs import Input
    from pam_ros.ablation.journal import Journal
    from pam_ros.ablation.moments import Moment
    from pam_ros.ablation.pictures import Picture
    from pam_ros.ablation.replacements import Ablation
    from pam_ros.policy.interface import Policy, PolicySpec
    from pam_ros.sim.scene import Scene

    Progress = Callable[[str], None]

# Of fewer episodes the cluster bootstrap excludes the truth in more than a tenth of all runs.
_FEW = 6


@dataclass(frozen=True)
class Wanted:
    """What is to be replaced, by what; named: whether somebody named the replacements."""

    inputs: tuple[Input, ...]
    replacements: tuple[str, ...]
    named: bool


@dataclass(frozen=True)
class Looked:
    """What is looked at.

    Attributes:
        source: in words.
        moments: of it.
        names: of the action's entries, with their units.
        notes: what a reader has to know of it.
    """

    source: str
    moments: Sequence[Moment]
    names: Sequence[tuple[str, str]]
    notes: tuple[str, ...] = ()


class Job:
    """The measurements of one policy on one source.

    Args:
        policy: nobody else uses it meanwhile.
        looked: what to look at.
        wanted: what to replace.
    """

    def __init__(self, policy: Policy, looked: Looked, wanted: Wanted) -> None:
        self._policy, self._looked = policy, looked
        self._passes = Passes(policy)
        self.means = means_of(policy.spec, (one.observation for one in looked.moments))
        self.replacer = Replacer(policy.spec, self.means)
        self.others = others(looked.moments)
        self.inputs = wanted.inputs
        self.ablations = planned(
            wanted.inputs, wanted.replacements, looked.moments, self._passes, asked=wanted.named
        )

    def measure(self, journal: Journal, progress: Progress) -> None:
        """What is not in the journal yet."""
        moments = self._looked.moments
        for number, (moment, other) in enumerate(zip(moments, self.others, strict=True), 1):
            if journal.measured(moment.place) is None:
                journal.add(measure(moment, other, self.ablations, self._passes, self.replacer))
                progress(f"frame {number} of {len(moments)}")

    def drive(
        self, journal: Journal, scene: Scene, runs: Sequence[Run], progress: Progress
    ) -> None:
        """The episodes in the simulator that are not in the journal yet."""
        for run in runs:
            if not journal.has_ending(INTACT, run.ending.seed):
                journal.add(run.ending)
        for ablation in self.ablations:
            if ablation.why_not or _is_words_of_another(ablation):
                continue
            done = _done(journal, ablation)
            for ending in spoilt_runs(scene, self._policy, ablation, self.replacer, runs, done):
                journal.add(ending)
                word = "reached" if ending.success else "missed"
                progress(f"{ablation.key}, scene {ending.seed}: {word}, {ending.ticks} ticks")

    def pictures(self) -> list[Picture]:
        """Of the page."""
        return pictures_of(self._looked.moments, self.others, self.ablations, self.replacer)

    def identity(self, source: str, scenes: Sequence[int]) -> Mapping[str, Any]:
        """What decides the measurements, for the journal."""
        return {
            "policy": self._policy.spec.sha256,
            "source": source,
            "ablations": [[one.key, one.why_not] for one in self.ablations],
            "moments": [list(moment.place) for moment in self._looked.moments],
            "scenes": list(scenes),
        }

    def report(self, journal: Journal) -> Report:
        """All of it, with answers.

        Every moment must be in the journal.
        """
        spec = self._policy.spec
        found = [journal.measured(moment.place) for moment in self._looked.moments]
        measured = [one for one in found if one is not None]
        spreads, spreads_from = action_spreads(spec, measured)
        noise = noise_word(spec, common=self._passes.noise_is_common)
        rows = Rows(measured, spreads, stochastic=noise == "anew")
        joints = [Joint(*name, spread)
                  for name, spread in zip(self._looked.names, spreads, strict=True)]  # fmt: skip
        report = Report(
            policy=Path(spec.name).name if Path(spec.name).is_dir() else spec.name,
            policy_sha256=spec.sha256,
            source=self._looked.source,
            joints=tuple(joints),
            spreads_from=spreads_from,
            means_from=dict(self.means.taken_from),
            noise=noise,
            moments=tuple(moment.place for moment in self._looked.moments),
            intact=closed(journal.endings, INTACT),
            references=rows.references(),
            rows=tuple(
                with_closed(rows.row(ablation), journal.endings) for ablation in self.ablations
            ),
            notes=(*self._looked.notes, *few_notes(self._looked.moments, noise)),
        )
        return replace(report, answers=tuple(answer(report, one) for one in self.inputs))


def few_notes(moments: Sequence[Moment], noise: str) -> tuple[str, ...]:
    """What a reader has to know of intervals over these moments, and of noise_word's noise."""
    notes = []
    episodes = {moment.episode for moment in moments}
    if len(moments) == 1:
        notes.append("one frame alone: there are no intervals, and nothing is concluded")
    elif len(episodes) == 1:
        notes.append(
            "one episode alone: intervals are over its frames, which resemble each other, so "
            "they are too narrow"
        )
    elif len(episodes) < _FEW:
        notes.append(
            f"{len(episodes)} episodes: intervals over so few are too narrow, and conclude too "
            "much; take six or more"
        )
    if noise == "anew":
        notes.append(
            "the policy draws other noise for every observation and cannot be told to hold it: "
            "each way includes that of the noise, and so does the floor"
        )
    return tuple(notes)


def noise_word(spec: PolicySpec, *, common: bool) -> str:
    """How chunks that are compared draw noise: none, common or anew."""
    if not spec.stochastic:
        return "none"
    return "common" if common else "anew"


def _is_words_of_another(ablation: Ablation) -> bool:
    # A scene of the simulator has one task.
    return ablation.input.kind == "words" and ablation.replacement == OTHER


def _done(journal: Journal, ablation: Ablation) -> Callable[[int], bool]:
    return lambda seed: journal.has_ending(ablation.key, seed)
