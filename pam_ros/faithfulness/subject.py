# SPDX-License-Identifier: Apache-2.0
"""A policy as the measurements see it, and measuring in several processes."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.cells import Cells
from pam_ros.faithfulness.measure import measure
from pam_ros.faithfulness.methods import maps_of
from pam_ros.faithfulness.perturbation import replacements
from pam_ros.policy.abilities import Batching, GradientExplaining, lacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.faithfulness.measure import Moment
    from pam_ros.faithfulness.methods import Method
    from pam_ros.faithfulness.probe import Observation, Probe
    from pam_ros.policy.interface import Policy

_BATCH = 4


class Subject:
    """Chunks and maps of a policy.

    Args:
        policy: one that is Batching.
        methods: the maps to make.
        bfloat16: compute the chunks of spoilt pictures in it; maps always are float32.

    Raises:
        AttentionError: the policy runs no pass beside its ticks, or lacks a method's gradients.
    """

    def __init__(
        self, policy: Policy, methods: Sequence[Method], *, bfloat16: bool = False
    ) -> None:
        if not isinstance(policy, Batching):
            message = lacks(policy, "it runs no passes of several observations beside its ticks")
            raise AttentionError(message)
        for method in methods:
            if method.extra_pass and not isinstance(policy, GradientExplaining):
                message = lacks(policy, f"it gives no gradients, so {method.name} must be left out")
                raise AttentionError(message)
        self.methods = methods
        self.cells = Cells(policy.spec.layout)
        self._policy: Batching[Any] = policy
        self._bfloat16 = bfloat16

    def chunks(self, observations: Iterable[Observation]) -> NDArray[np.float32]:
        """Chunks in normalised units, (observations, chunk, actions).

        Raises:
            AttentionError: one is not finite.
        """
        parts: list[NDArray[np.float32]] = []
        batch: list[Observation] = []
        for observation in observations:
            batch.append(observation)
            if len(batch) == _BATCH:
                parts.append(self._forward(batch))
                batch = []
        if batch:
            parts.append(self._forward(batch))
        return np.concatenate(parts)

    def values(self, observation: Observation) -> dict[str, NDArray[np.float64]]:
        """Each method's cells, by its name."""
        maps = maps_of(self._policy, observation, self.methods)
        return {name: self.cells.of(found) for name, found in maps.items()}

    def _forward(self, batch: Sequence[Observation]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415  (the rest of this room does without)

        policy = self._policy
        device = torch.device(policy.spec.device).type
        precision = torch.autocast(device, torch.bfloat16) if self._bfloat16 else nullcontext()
        with precision:
            result: NDArray[np.float32] = policy.forward(policy.prepare(batch)).normalised
        if not np.isfinite(result).all():
            message = f"{policy.spec.name} predicts a chunk that is not finite"
            raise AttentionError(message)
        return result


@dataclass(frozen=True)
class Work:
    """What a process has to know. policy: folder or hub id. pictures: the mean ones, by feature."""

    policy: str
    device: str
    methods: tuple[Method, ...]
    pictures: Mapping[str, NDArray[np.uint8]]
    replace: tuple[str, ...]
    baselines: bool
    bfloat16: bool
    jobs: int


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
    _here.update(work=work, subject=Subject(policy, work.methods, bfloat16=work.bfloat16))


def _one(probe: Probe) -> Moment:
    work, subject = _here["work"], _here["subject"]
    by_word = replacements(work.replace, subject.cells, work.pictures)
    return measure(
        probe, subject.chunks, subject.values, subject.cells, by_word, baselines=work.baselines
    )
