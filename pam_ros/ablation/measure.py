# SPDX-License-Identifier: Apache-2.0
"""How far the chunk goes at one moment, when each input is replaced.

The way of a joint is the root mean square, over the chunk's steps, of the difference of the two
chunks, in the joint's unit. Beside the ablations three references are measured:

    next        nothing is replaced, and the chunk is that of the next frame, its steps held against
                those of the same time: what the plan changes from one tick to the next anyway
    noise       nothing is replaced, and the policy draws other noise
    everything  all inputs are another frame's
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.ablation.passes import Question
from pam_ros.ablation.replacements import EMPTY, FIRST, OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.moments import History, Moment, Observation
    from pam_ros.ablation.passes import Passes
    from pam_ros.ablation.replacements import Ablation, Replacer

NEXT, NOISE, EVERYTHING = "next", "noise", "everything"


@dataclass(frozen=True)
class Measured:
    """What one moment gave.

    Attributes:
        episode, frame: of the moment.
        ways: each joint's, (joints,) in its unit, by an ablation's key or a reference's name.
        mean, square: (joints,) mean and mean square of the unspoilt chunk over its steps.
        shares: of the attention, that of each word; only where words are measured.
    """

    episode: int
    frame: int
    ways: Mapping[str, tuple[float, ...]]
    mean: tuple[float, ...]
    square: tuple[float, ...]
    shares: tuple[float, ...] = ()


def way(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, ...]:
    """Root of the mean squared difference over steps: (C, A) and (C, A) to (A,)."""
    return tuple(np.sqrt(np.square(one - other).mean(axis=0)).tolist())


def measure(
    moment: Moment,
    other: Moment | None,
    ablations: Sequence[Ablation],
    passes: Passes,
    replacer: Replacer,
) -> Measured:
    """All ablations of a moment that can be made, and the references.

    Args:
        moment: that is looked at.
        other: another one, whose inputs stand in; None if there is none.
        ablations: to make; those that cannot be made anywhere are left out.
        passes: of the policy.
        replacer: of its inputs.

    Raises:
        AblationError: a chunk is not finite.
    """
    noise = moment.observation
    words = (moment.task or None) if passes.can_instruct else None
    asked = {"": Question(moment.history, words, noise)}
    for ablation in ablations:
        question = _question(ablation, moment, other, words, replacer, noise)
        if question is not None:
            asked[ablation.key] = question
    if other is not None:
        told = (other.task or words) if passes.can_instruct else None
        asked[EVERYTHING] = Question(other.history, told, noise)
    if moment.following is not None:
        asked[NEXT] = Question(moment.following, words, noise)
    anew = passes.other_noise(moment.history, None if other is None else other.observation)
    if anew is not None:
        asked[NOISE] = replace(anew, words=words)
    order = sorted(asked, key=lambda name: (asked[name].words or "", name == NOISE))
    found = passes.chunks([asked[name] for name in order])
    chunks = dict(zip(order, found, strict=True))
    whole = chunks.pop("")
    ways = {name: way(chunk, whole) for name, chunk in chunks.items()}
    if NEXT in chunks:
        ways[NEXT] = one_step_on(whole, chunks[NEXT])
    return Measured(
        moment.episode,
        moment.frame,
        ways,
        tuple(whole.mean(axis=0).tolist()),
        tuple(np.square(whole).mean(axis=0).tolist()),
    )


def one_step_on(chunk: NDArray[np.float64], following: NDArray[np.float64]) -> tuple[float, ...]:
    """How far the next frame's chunk is from this one's, both (C, A), at the same times: (A,)."""
    # Step k of the next frame's chunk is of the time of step k + 1 of this one's.
    if len(chunk) > 1:
        return way(following[:-1], chunk[1:])
    return way(following, chunk)


def _question(
    ablation: Ablation,
    moment: Moment,
    other: Moment | None,
    words: str | None,
    replacer: Replacer,
    noise: Observation,
) -> Question | None:
    if ablation.why_not:
        return None
    if ablation.input.kind == "words":
        if ablation.replacement == EMPTY:
            return Question(moment.history, "", noise)
        return None if other is None else Question(moment.history, other.task, noise)
    if (ablation.replacement, other) == (OTHER, None):
        return None
    if (ablation.replacement, moment.first) == (FIRST, None):
        return None
    history = _replaced(ablation, moment, other, replacer)
    return Question(history, words, noise)


def _replaced(
    ablation: Ablation, moment: Moment, other: Moment | None, replacer: Replacer
) -> History:
    """The history with the input replaced in all of it, by what lies as far back in the other's."""
    theirs: Sequence[Mapping[str, NDArray[Any]] | None] = [None]
    if other is not None:
        theirs = other.history
    count = len(moment.history)
    padded = [theirs[0]] * max(0, count - len(theirs)) + list(theirs)
    pairs = zip(moment.history, padded[-count:], strict=True)
    return tuple(
        replacer.replaced(ablation, observation, stand_in, moment.first)
        for observation, stand_in in pairs
    )
