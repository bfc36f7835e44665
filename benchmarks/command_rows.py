# SPDX-License-Identifier: Apache-2.0
"""How long a command takes while a contribution is computed beside it, in one process.

As in the node: contributions run in a BesideThread, on the stream that the policy itself gives
them; the chunk for a command is made in this thread, inside `refill`, by TickLoop's `policy.step`.
Both share the GPU, the CPU's cores and the interpreter's lock.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks import ticks
from benchmarks.interleave import Row
from pam_ros.attention.attribution import CONTRIBUTION, TOKEN_CONTRIBUTION
from pam_ros.attention.maps import CROSS_ATTENTION
from pam_ros.tick.beside import NICE, BesideThread, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from benchmarks.our_rows import Ours
    from benchmarks.sizes import Subject
    from pam_ros.policy.act.policy import ActPolicy

PAIRS = (
    ("eager", "float32"),
    ("cuda_graph", "float32"),
    ("eager", "bfloat16"),
    ("cuda_graph", "bfloat16"),
)
AHEAD = -1
"""Of the priorities that PyTorch gives streams, one that goes before the explaining stream's."""
BEGIN_SECONDS = 300.0
"""So long a contribution may take to begin: the first one may have to be compiled."""


class Company:
    """Contributions, one after the other, in a thread like the node's, while they are wanted.

    Args:
        nice: by how much the thread gives way.
        seed: of the moments at which commands come.
    """

    def __init__(self, nice: int = NICE, seed: int = 0) -> None:
        self._thread = BesideThread(self._fail, nice)
        self._moments = np.random.default_rng(seed)
        self._leave, self._under_way, self._ended = (threading.Event() for _ in range(3))
        self._ended.set()
        self._failure: Exception | None = None
        self._seconds = 0.0
        self.finished = 0

    def join(self, contribute: Callable[[], object]) -> None:
        """Begin to contribute again and again; returns at a random moment of a contribution.

        Raises:
            RuntimeError: a contribution failed, or did not begin.
        """
        self.leave()
        self._leave.clear()
        self._under_way.clear()
        self._ended.clear()
        work = Work(lambda: self._work(contribute), self._left_out, contributes=True)
        self._thread.show(work, math.inf)
        if not self._under_way.wait(BEGIN_SECONDS):
            message = "no contribution began"
            raise RuntimeError(message)
        # The command of a robot comes whenever it does. Without this each would find a beginning.
        time.sleep(self._moments.uniform(0.0, self._seconds))
        self._check()

    def leave(self) -> None:
        """Begin no more, and wait for the one under way.

        Raises:
            RuntimeError: a contribution failed.
        """
        self._leave.set()
        self._ended.wait()
        self._check()

    def step(self, policy: ActPolicy, observation: Mapping[str, NDArray[Any]]) -> object:
        """A command's pass, from images to the action, as TickLoop makes it.

        Raises:
            RuntimeError: a contribution should have been beside it, and was not all the time.
        """
        wanted = not self._leave.is_set() and not self._ended.is_set()
        before = self._thread.counts["beside_a_contribution"]
        with self._thread.refill():
            output = policy.step(observation)
        self._check()
        beside = self._thread.counts["beside_a_contribution"] - before
        if wanted and (not beside or self._ended.is_set()):
            message = "a command was to be beside a contribution, and none was under way"
            raise RuntimeError(message)
        return output

    def close(self) -> None:
        """End the thread."""
        self._leave.set()
        self._thread.close()

    def _work(self, contribute: Callable[[], object]) -> None:
        try:
            while not self._leave.is_set():
                self._under_way.set()
                begin = time.perf_counter()
                contribute()
                self._seconds = time.perf_counter() - begin
                self.finished += 1
        except Exception as error:  # noqa: BLE001  (raised in the thread that waits: see _check)
            self._fail(error)
        finally:
            self._ended.set()
            self._under_way.set()

    def _left_out(self, reason: str) -> None:
        self._fail(RuntimeError(reason))
        self._ended.set()
        self._under_way.set()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            message = f"a contribution beside the commands failed: {self._failure}"
            raise RuntimeError(message) from self._failure


def rows(
    subject: Subject,
    ours: Ours,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    company: Company | None = None,
) -> list[Row]:
    """Of each engine and dtype: a command alone, beside contributions, and ahead of them.

    Ahead: the command's kernels are in a stream that goes before the contribution's, which the node
    does not have; on other devices than CUDA there is no such row.
    """
    company = Company() if company is None else company
    found: list[Row] = []
    for engine, dtype in pairs:
        name, policy = f"{engine} {dtype}", ours.policy(engine, dtype)
        alone = f"alone_{engine}_{dtype}"
        labels = {
            alone: f"ours, {name}: a command alone",
            f"beside_pixels_{engine}_{dtype}": f"ours, {name}: beside contributions of the pixels",
            f"beside_tokens_{engine}_{dtype}": f"ours, {name}: beside contributions of the tokens",
        }
        if "cuda" in subject.device:
            labels[f"ahead_pixels_{engine}_{dtype}"] = (
                f"ours, {name}: beside those of the pixels, in a stream that goes before theirs"
            )
        if isinstance(policy, str):
            found += [Row(key, label, None, policy, against=alone) for key, label in labels.items()]
            continue
        runs = _runs(policy, subject, company)[: len(labels)]
        found += [
            Row(key, label, run, before=before, after=company.leave, against=alone)
            for (key, label), (run, before) in zip(labels.items(), runs, strict=True)
        ]
    return found


def _runs(
    policy: ActPolicy, subject: Subject, company: Company
) -> list[tuple[Callable[[], object], Callable[[], object] | None]]:
    """What each row runs, and what comes before it, in the order of the labels."""
    observation = subject.observation
    policy.compare_with(policy.mean_tokens([observation]))
    ticks.last_layer(CROSS_ATTENTION, policy.spec).apply_to(policy)
    pixels, tokens = (
        partial(company.join, ticks.contribute(policy, observation, method))
        for method in (CONTRIBUTION, TOKEN_CONTRIBUTION)
    )
    step = partial(company.step, policy, observation)
    stream = _stream_ahead(policy.spec.device)

    def ahead() -> object:
        with stream():
            return step()

    return [(step, None), (step, pixels), (step, tokens), (ahead, pixels)]


def _stream_ahead(device: str) -> Callable[[], AbstractContextManager[object]]:
    """What puts a stream of higher priority in the place of the current one."""
    if "cuda" not in device:
        return nullcontext
    stream = torch.cuda.Stream(device, priority=AHEAD)  # type: ignore[no-untyped-call]
    return lambda: torch.cuda.stream(stream)
