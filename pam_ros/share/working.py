# SPDX-License-Identifier: Apache-2.0
"""Says at once what is being done, and while it goes on, for how long it has."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_S = 10.0
"""After so long [s] another line says that it goes on."""


class Count:
    """How far a piece of work is; `add` is for whoever does it."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count


@contextmanager
def working(
    what: str,
    unit: str = "",
    say: Callable[[str], object] | None = None,
    every_s: float = EVERY_S,
) -> Iterator[Count]:
    """A line before the work, and one each `every_s` while it goes on.

    Args:
        what: is being done: "loading models/demo_act".
        unit: of the count; empty: none is said.
        say: takes a line; stderr if left out.
        every_s: between two lines [s].
    """
    tell = say or _to_stderr
    count, ended, begin = Count(), threading.Event(), time.monotonic()

    def go_on() -> None:
        while not ended.wait(every_s):
            done = f", {count.done} {unit}" if unit else ""
            tell(f"{what} ... {time.monotonic() - begin:.0f} s{done}")

    tell(f"{what} ...")
    thread = threading.Thread(target=go_on, name="working", daemon=True)
    thread.start()
    try:
        yield count
    finally:
        ended.set()
        thread.join()


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
