# SPDX-License-Identifier: Apache-2.0
"""One run: what is said at each moment, the chunk's ways, and the report of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.job import few_notes, noise_word
from pam_ros.ablation.language.answer import answered
from pam_ros.ablation.language.measure import Said, every_text, measure
from pam_ros.ablation.language.report import LanguageReport, WordRow
from pam_ros.ablation.language.rows import Rows
from pam_ros.ablation.language.texts import KINDS, OTHER, SWAPPED, without
from pam_ros.ablation.measure import NEXT, NOISE
from pam_ros.ablation.moments import others
from pam_ros.ablation.passes import Passes
from pam_ros.ablation.report import Joint
from pam_ros.ablation.rows import action_spreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pam_ros.ablation.job import Looked
    from pam_ros.ablation.journal import Journal
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import Policy

INSTRUCTIONS = 3
"""Of so many, the commonest, each word is told."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        instruction: at every moment; empty: what the moment says, else the policy's own.
        others: further instructions, beside those of the moments.
        absent: instructions with objects that are not there; empty: made of the moment's own.
        selection: the attention whose shares are told; None: none.
    """

    instruction: str = ""
    others: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    selection: Selection | None = None


class Job:
    """The measurements of one policy on one source.

    Args:
        policy: that reads words; nobody else uses it meanwhile.
        looked: what to look at.
        wanted: what to say.

    Raises:
        AblationError: nothing says what the policy was told, or it cannot read that.
    """

    def __init__(self, policy: Policy, looked: Looked, wanted: Wanted) -> None:
        self._policy, self._looked, self._wanted = policy, looked, wanted
        self._passes = Passes(policy)
        self._others = others(looked.moments)
        own = self._passes.words or ""
        self._owns = [wanted.instruction or one.task or own for one in looked.moments]
        if not all(text.strip() for text in self._owns):
            raise AblationError(
                f"{looked.source} does not say what the policy is told: name it with --instruction"
            )
        known = tuple(dict.fromkeys([*wanted.others, *_common(looked.moments, own)]))
        self._said = self._checked(known)

    def measure(self, journal: Journal, progress: Callable[[str], None]) -> None:
        """What is not in the journal yet."""
        moments = self._looked.moments
        given = zip(moments, self._owns, self._others, strict=True)
        for number, (moment, own, other) in enumerate(given, 1):
            if journal.measured(moment.place) is None:
                journal.add(measure(moment, own, other, self._said, self._passes))
                progress(f"frame {number} of {len(moments)}")

    def identity(self, source: str, scenes: Sequence[int]) -> Mapping[str, Any]:
        """What decides the measurements, for the journal."""
        selection = self._wanted.selection
        return {
            "policy": self._policy.spec.sha256,
            "source": source,
            "said": [list(self._said.known), list(self._said.absent), sorted(self._said.refused)],
            "instructions": self._owns,
            "attention": repr(selection),
            "moments": [list(moment.place) for moment in self._looked.moments],
            "scenes": list(scenes),
        }

    def report(self, journal: Journal) -> LanguageReport:
        """All of it, with the answer. Every moment must be in the journal."""
        spec = self._policy.spec
        found = [journal.measured(moment.place) for moment in self._looked.moments]
        measured = [one for one in found if one is not None]
        spreads, spreads_from = action_spreads(spec, measured)
        floor = NOISE if spec.stochastic else NEXT
        rows = Rows(measured, spreads, floor)
        noise = noise_word(spec, common=self._passes.noise_is_common)
        references = (rows.row(name) for name in (NOISE, NEXT))
        report = LanguageReport(
            policy=Path(spec.name).name if Path(spec.name).is_dir() else spec.name,
            policy_sha256=spec.sha256,
            source=self._looked.source,
            joints=tuple(
                Joint(*name, spread)
                for name, spread in zip(self._looked.names, spreads, strict=True)
            ),
            spreads_from=spreads_from,
            noise=noise,
            floor=floor,
            attention=self._attention() if any(one.shares for one in measured) else "",
            moments=tuple(moment.place for moment in self._looked.moments),
            instructions=dict(Counter(self._owns).most_common()),
            references=tuple(row for row in references if row.moments),
            rows=tuple(rows.row(kind, self._examples(kind), self._why_not(kind)) for kind in KINDS),
            words=tuple(self._words(rows)),
            notes=(*self._looked.notes, *few_notes(self._looked.moments, noise)),
        )
        verdict, sentence = answered(report)
        return replace(report, verdict=verdict, sentence=sentence)

    def _checked(self, known: tuple[str, ...]) -> Said:
        """What can be said; what the policy refuses is left out."""
        wanted, passes = self._wanted, self._passes
        for own in dict.fromkeys(self._owns):
            reason = passes.why_no_words(own)
            if reason:
                raise AblationError(f"the instruction '{own}' cannot be read: {reason}")
        texts = every_text(known, wanted.absent, list(dict.fromkeys(self._owns)))
        reasons = {text: passes.why_no_words(text) for text in sorted(texts)}
        refused = {text: why for text, why in reasons.items() if why}
        return Said(known, wanted.absent, refused, wanted.selection)

    def _examples(self, kind: str) -> tuple[str, ...]:
        texts = [text for own in self._unique for text in self._said.texts(own, kind)]
        return tuple(dict.fromkeys(texts))[:6]

    def _why_not(self, kind: str) -> str:
        said = Said(self._said.known, self._said.absent, {})
        if self._examples(kind):
            return ""
        texts = [text for own in self._unique for text in said.texts(own, kind)]
        if texts:
            return self._said.refused[texts[0]]
        return {
            OTHER: "there is only one instruction: name others with --other",
            SWAPPED: "there is no other order of these words",
        }.get(kind, "there is nothing to say")

    def _words(self, rows: Rows) -> list[WordRow]:
        return [
            rows.word(
                own,
                place,
                [one == own for one in self._owns],
                self._said.refused.get(without(own, place), ""),
            )
            for own in self._unique[:INSTRUCTIONS]
            for place in range(len(own.split()))
        ]

    @property
    def _unique(self) -> list[str]:
        return [text for text, _ in Counter(self._owns).most_common()]

    def _attention(self) -> str:
        selection = self._wanted.selection
        assert selection is not None
        look = selection.look
        parts = [
            selection.method,
            f"{look.stack} layer {look.layer}",
            "mean of the heads" if look.head is None else f"head {look.head}",
            _queries_word(look.queries),
        ]
        return ", ".join([*parts, *selection.step_words(self._policy.spec)])


def _queries_word(queries: int | tuple[int, int] | None) -> str:
    if queries is None:
        return "mean of the queries"
    if isinstance(queries, tuple):
        return f"mean of the queries {queries[0]}:{queries[1]}"
    return f"query {queries}"


def _common(moments: Sequence[Any], own: str) -> list[str]:
    """The moments' tasks, the commonest first, and the policy's own words."""
    tasks = Counter(moment.task for moment in moments if moment.task)
    return [task for task, _ in tasks.most_common()] + [own] * bool(own)
