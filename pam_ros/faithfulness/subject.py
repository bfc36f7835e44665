# SPDX-License-Identifier: Apache-2.0
"""A policy as the measurements see it, and measuring in several processes."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.attribution import TOKEN_CONTRIBUTION
from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.cells import Cells
from pam_ros.faithfulness.curves import FRACTIONS
from pam_ros.faithfulness.measure import measure
from pam_ros.faithfulness.methods import maps_of
from pam_ros.faithfulness.perturbation import replacements
from pam_ros.policy.abilities import Batching, Contributing, NoiseHolding, lacks
from pam_ros.policy.words import Saying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.measure import Moment
    from pam_ros.faithfulness.methods import Method
    from pam_ros.faithfulness.probe import Observation, Probe
    from pam_ros.policy.interface import Policy

BATCH = 4
"""Observations of one pass."""

NOISE_SHARED = "shared"
NOISE_OWN = "own"
NO_NOISE = "none"


def without_ability(policy: Policy, methods: Sequence[Method]) -> dict[str, str]:
    """By name, why this policy has no map of a method; methods that it has are not in it."""
    reasons = {method.name: method.why_not(policy) for method in methods}
    return {
        name: f"the policy {why.removeprefix('it ')}" if why.startswith("it ") else why
        for name, why in reasons.items()
        if why
    }


class Subject:
    """Chunks and maps of a policy.

    Args:
        policy: one that is Batching.
        methods: the maps to make.
        bfloat16: compute the chunks of spoilt pictures in it; maps always are float32.
        instruction: said at every moment to a policy that reads words; empty: see policy.words.

    Raises:
        AttentionError: the policy runs no pass beside its ticks, or lacks a method's gradients.
        PolicyError: it cannot read the instruction.
    """

    def __init__(
        self,
        policy: Policy,
        methods: Sequence[Method],
        *,
        bfloat16: bool = False,
        instruction: str = "",
    ) -> None:
        if not isinstance(policy, Batching):
            message = lacks(policy, "it runs no passes of several observations beside its ticks")
            raise AttentionError(message)
        for method in methods:
            why_not = method.why_not(policy)
            if why_not:
                message = lacks(policy, f"{why_not}, so {method.name} must be left out")
                raise AttentionError(message)
        self.methods = tuple(methods)
        self.cells = Cells(policy.spec.layout.cameras)
        self.noise = NO_NOISE
        """What passes of spoilt pictures draw: the original's noise, their own, or none."""
        if policy.spec.stochastic:
            self.noise = NOISE_SHARED if isinstance(policy, NoiseHolding) else NOISE_OWN
        self._policy: Batching[Any] = policy
        self._saying = Saying(policy, instruction)
        self._bfloat16 = bfloat16

    def say(self, probe: Probe) -> str:
        """Have later passes read what the robot was told at this moment; what that is.

        Raises:
            PolicyError: nothing says it, or the policy cannot read it.
        """
        return self._saying.at(probe.task)

    def compare_tokens_with(self, means: NDArray[np.float32] | None) -> None:
        """The baseline of token contributions; see abilities.Contributing."""
        if means is not None and isinstance(self._policy, Contributing):
            self._policy.compare_with(means)

    def mean_tokens(self, observations: Sequence[Observation]) -> NDArray[np.float32] | None:
        """Their mean tokens, if one of the methods compares with such."""
        wanted = any(method.kind == TOKEN_CONTRIBUTION for method in self.methods)
        if not (wanted and isinstance(self._policy, Contributing)):
            return None
        return self._policy.mean_tokens(observations)

    def chunks(self, observations: Iterable[Observation]) -> NDArray[np.float32]:
        """Chunks in normalised units, (observations, chunk, actions).

        A policy that draws noise draws the first observation's for all of them, if it can.

        Raises:
            AttentionError: one is not finite.
        """
        parts: list[NDArray[np.float32]] = []
        batch: list[Observation] = []
        first: Observation | None = None
        for observation in observations:
            first = observation if first is None else first
            batch.append(observation)
            if len(batch) == BATCH:
                parts.append(self._forward(batch, first))
                batch = []
        if batch:
            assert first is not None
            parts.append(self._forward(batch, first))
        return np.concatenate(parts)

    def values(self, observation: Observation) -> dict[str, NDArray[np.float64]]:
        """Each method's cells, by its name."""
        return self.values_of(self.methods, observation)

    def values_of(
        self, methods: Sequence[Method], observation: Observation
    ) -> dict[str, NDArray[np.float64]]:
        """The cells of some of its methods, by their names."""
        maps = maps_of(self._policy, observation, methods)
        return {name: self.cells.of(found) for name, found in maps.items()}

    def plain(self, observation: Observation) -> None:
        """One pass that gives a chunk and no map, in float32."""
        self._policy.forward(self._policy.prepare([observation]))

    @contextmanager
    def _noise_of(self, first: Observation) -> Iterator[None]:
        policy = self._policy
        if not isinstance(policy, NoiseHolding):
            yield
            return
        policy.hold_noise(first)
        try:
            yield
        finally:
            policy.hold_noise(None)

    def _forward(self, batch: Sequence[Observation], first: Observation) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415  (the rest of this room does without)

        policy = self._policy
        device = torch.device(policy.spec.device).type
        precision = torch.autocast(device, torch.bfloat16) if self._bfloat16 else nullcontext()
        with precision, self._noise_of(first):
            result: NDArray[np.float32] = policy.forward(policy.prepare(batch)).normalised
        if not np.isfinite(result).all():
            message = f"{policy.spec.name} predicts a chunk that is not finite"
            raise AttentionError(message)
        return result


@dataclass(frozen=True)
class Work:
    """What a process has to know.

    policy: folder or hub id. pictures: the mean ones, by feature. fractions: shares of cells that
    are replaced. means: of the tokens. instruction: see Subject.
    """

    policy: str
    device: str
    methods: tuple[Method, ...]
    pictures: Mapping[str, NDArray[np.uint8]]
    replace: tuple[str, ...]
    baselines: bool
    bfloat16: bool
    jobs: int
    fractions: tuple[float, ...] = FRACTIONS
    means: NDArray[np.float32] | None = None
    instruction: str = ""


def measured(probes: Sequence[Probe], work: Work) -> Iterator[Moment]:
    """The moments as they get ready, from `work.jobs` processes with a share of the cores each."""
    if not probes:
        return
    with ProcessPoolExecutor(work.jobs, get_context("spawn"), _start, (work,)) as pool:
        try:
            for done in as_completed([pool.submit(_one, probe) for probe in probes]):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_here: dict[str, Any] = {}
"""Of a working process: its policy and its work."""


def _start(work: Work) -> None:
    import torch  # noqa: PLC0415

    from pam_ros.policy import load_policy  # noqa: PLC0415

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // work.jobs))
    policy = load_policy(work.policy, device=work.device, engine="eager")
    subject = Subject(policy, work.methods, bfloat16=work.bfloat16, instruction=work.instruction)
    subject.compare_tokens_with(work.means)
    _here.update(work=work, subject=subject)


def _one(probe: Probe) -> Moment:
    work, subject = _here["work"], _here["subject"]
    subject.say(probe)
    by_word = replacements(work.replace, subject.cells, work.pictures, probe.elsewhere)
    return measure(
        probe,
        subject.chunks,
        subject.values,
        subject.cells,
        by_word,
        baselines=work.baselines,
        fractions=work.fractions,
    )
