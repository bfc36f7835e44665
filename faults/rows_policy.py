# SPDX-License-Identifier: Apache-2.0
"""Rows in which the policy is wrong, hangs or takes the process with it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faults.trial import Expect, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faults.bench import Bench


def wishing(word: str) -> Callable[[Bench], Any]:
    """A fault in which the policy does what is wished; of one that hangs, until when at least."""
    kind, *rest = word.split()
    hangs_s = float(rest[0]) if kind in {"free", "lock"} else None

    @contextmanager
    def fault(bench: Bench) -> Iterator[float | None]:
        wished = time.monotonic()
        bench.wish(word)
        try:
            yield None if hangs_s is None else wished + hangs_s
        finally:
            bench.wishes.unlink(missing_ok=True)

    return fault


POLICY_ROWS = (
    Row(
        "NaN actions",
        "a NaN in every chunk and action",
        wishing("nan"),
        Expect.FAULTS,
        "holds a value that is not finite",
    ),
    Row(
        "Inf actions",
        "an infinity in every chunk and action",
        wishing("inf"),
        Expect.FAULTS,
        "holds a value that is not finite",
    ),
    Row(
        "NaN attention",
        "weights that are no numbers, beside good actions",
        wishing("attention"),
        Expect.FAULTS,
        "attention holds a value that is not finite",
    ),
    Row(
        "actions far out of range",
        "50 rad, finite, in every chunk",
        wishing("far"),
        Expect.FAULTS,
        "is outside its limits",
    ),
    Row(
        "policy raises",
        "an exception in every pass",
        wishing("raise"),
        Expect.FAULTS,
        "ZeroDivisionError: wished for",
    ),
    Row(
        "policy hangs without Python's lock",
        "one pass of two seconds, asleep",
        wishing("free 2.0"),
        Expect.HOLDS,
        "no action from the policy for|no command from",
        seconds=1.9,
    ),
    Row(
        "policy hangs with Python's lock",
        "one pass of two seconds in which no thread of the process runs",
        wishing("lock 2.0"),
        Expect.HOLDS,
        "no command from act_attention|has commanded nothing for",
        seconds=1.9,
    ),
)
