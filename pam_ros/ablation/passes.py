# SPDX-License-Identifier: Apache-2.0
"""Chunks of observations that never were, from any policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.ablation.errors import AblationError
from pam_ros.policy.abilities import Batching, Instructed, NoiseHolding, Observing
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.moments import History, Observation
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.selection import Selection
    from pam_ros.policy.interface import Policy, PolicyOutput

_BATCH = 4


@dataclass(frozen=True, eq=False)
class Question:
    """A history and what is asked with it.

    Attributes:
        history: the observations, the oldest first.
        words: to read; None: the policy's own.
        noise: whose noise to draw, where the policy can be told; None: its own.
    """

    history: History
    words: str | None = None
    noise: Observation | None = None


class Passes:
    """Asks a policy that nobody else uses meanwhile.

    A policy of one observation that can batch is asked in batches. Any other is reset, shown the
    history and asked to explain its last observation, as a live one would see it.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.words = policy.instruction if isinstance(policy, Instructed) else None

    @property
    def noise_is_common(self) -> bool:
        """Whether different observations can be asked with the same noise, or draw none."""
        return not self._policy.spec.stochastic or isinstance(self._policy, NoiseHolding)

    @property
    def can_instruct(self) -> bool:
        """Whether it can be given other words."""
        return isinstance(self._policy, Instructed)

    def why_no_words(self, words: str) -> str:
        """Why the policy cannot read these words; empty if it can."""
        policy = self._policy
        if not isinstance(policy, Instructed):
            return "the policy cannot be given other words"
        own = policy.instruction
        try:
            policy.instruct(words)
        except PolicyError as error:
            return str(error)
        if own:
            policy.instruct(own)
        return ""

    def other_noise(self, history: History, other: Observation | None) -> Question | None:
        """The same question with other noise; None for a policy that draws none.

        Args:
            history: of the question.
            other: another observation, whose noise to draw where the policy can be told.
        """
        if not self._policy.spec.stochastic:
            return None
        if isinstance(self._policy, NoiseHolding) and other is not None:
            return Question(history, noise=other)
        nudged = _nudged(history[-1])
        if isinstance(self._policy, NoiseHolding):
            return Question(history, noise=nudged)
        return Question((*history[:-1], nudged))

    def chunks(self, questions: Sequence[Question]) -> NDArray[np.float64]:
        """Their chunks in the action's units, (questions, chunk, actions).

        Raises:
            AblationError: one is not finite.
            PolicyError: an observation does not fit.
        """
        parts: list[NDArray[Any]] = []
        for group in _alike(questions):
            self._set(group[0].words, group[0].noise)
            try:
                parts.extend(self._asked(group))
            finally:
                self._set(None, None)
        chunks = np.asarray(parts, dtype=np.float64)
        if not np.isfinite(chunks).all():
            raise AblationError(f"{self._policy.spec.name} predicts a chunk that is not finite")
        return chunks

    def maps(self, question: Question, selection: Selection) -> AttentionMaps:
        """The maps of a question's pass.

        Raises:
            AttentionError: they cannot be made.
        """
        self._set(question.words, question.noise)
        try:
            selection.apply_to(self._policy)
            # The spec of these words, whose tokens may be others than those of other words.
            return selection.maps(self._shown(question), self._policy.spec)
        finally:
            self._set(None, None)

    def _set(self, words: str | None, noise: Observation | None) -> None:
        policy = self._policy
        # What had no words at first need not be able to do without again.
        words = (self.words or None) if words is None else words
        if isinstance(policy, Instructed) and words is not None:
            policy.instruct(words)
        if isinstance(policy, NoiseHolding):
            policy.hold_noise(noise)

    def _asked(self, questions: Sequence[Question]) -> Iterator[NDArray[Any]]:
        policy = self._policy
        if policy.spec.history > 1 or not isinstance(policy, Batching):
            yield from (self._shown(question).chunk for question in questions)
            return
        batching: Batching[Any] = policy
        for start in range(0, len(questions), _BATCH):
            batch = [question.history[-1] for question in questions[start : start + _BATCH]]
            yield from batching.forward(batching.prepare(batch)).chunks

    def _shown(self, question: Question) -> PolicyOutput:
        policy = self._policy
        policy.reset()
        *past, last = question.history
        for observation in past:
            if isinstance(policy, Observing):
                policy.observe(observation)
                policy.skip()
            else:
                policy.explain(observation)
        return policy.explain(last)


def _alike(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """Neighbours of the same words and noise, together."""
    group: list[Question] = []
    for question in questions:
        if group and (question.words, id(question.noise)) != (group[0].words, id(group[0].noise)):
            yield group
            group = []
        group.append(question)
    if group:
        yield group


def _nudged(observation: Observation) -> dict[str, NDArray[Any]]:
    """The least different observation there is: to draw other noise, and see nothing else."""
    result = {name: value.copy() for name, value in observation.items()}
    name = max(result, key=lambda name: result[name].size)
    first = result[name].reshape(-1)[:1]
    first[...] = first ^ 1 if first.dtype == np.uint8 else np.nextafter(first, np.inf)
    return result
