# SPDX-License-Identifier: Apache-2.0
"""How soon the arm is held while two processes keep two processors busy.

python test/faults holding             a camera that stops, and a policy that hangs, 20 times each
python test/faults holding --write     and writes the figure and docs/faults.md

The time is that between two commands, by their stamps: the last one that the policy made, and the
first one that repeats it. The status is 1 where one is longer than two periods.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .charts import Panel, Series, svg
from .command import provide_rclpy
from .policy import PERIOD_S
from .table import RESULTS, ROOT, write_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .bench import Bench

FIGURE = ROOT / "docs" / "images" / "holding.svg"
MOST_S = 2 * PERIOD_S
BUSY = "import itertools\nfor _ in itertools.count(): pass"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the status is 1 where a hold came late."""
    parser = argparse.ArgumentParser(
        prog="python test/faults holding",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--busy", type=int, default=2, help="processes that do nothing but count")
    parser.add_argument("--write", action="store_true", help="write the figure and the page")
    options = parser.parse_args(arguments)
    provide_rclpy()
    record = measure(options.repeats, options.busy)
    print(json.dumps(record, indent=1))
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "holding.json").write_text(json.dumps(record, indent=1) + "\n")
        FIGURE.write_text(figure(record))
        write_page()
    return int(any(row["within"] < len(row["ms"]) for row in record["rows"]))


def measure(repeats: int, busy: int) -> dict[str, Any]:
    """Each cause so often; times in milliseconds."""
    from .bench import Bench, BenchSettings  # noqa: PLC0415
    from .rows_messages import spoiling  # noqa: PLC0415
    from .rows_policy import wishing  # noqa: PLC0415

    causes: tuple[tuple[str, Callable[[Bench], Any]], ...] = (
        ("a camera stops", spoiling("wrist", lambda _: None)),
        ("the policy hangs without Python's lock", wishing("free 0.8")),
        ("the policy hangs with Python's lock", wishing("lock 0.8")),
    )
    rows = []
    with tempfile.TemporaryDirectory(prefix="holding-") as name:
        folder = Path(name) / "bench"
        folder.mkdir()
        bench = Bench(folder, BenchSettings(misbehaves=True, trigger="top"))
        try:
            if not bench.bring_up():
                raise SystemExit(f"the node does not run: {bench.last_words()}")
            with _busy(busy):
                for words, fault in causes:
                    times = [_one(bench, fault) for _ in range(repeats)]
                    rows.append(_row(words, [seconds for seconds in times if seconds is not None]))
        finally:
            bench.close()
    load = round(os.getloadavg()[0], 1)
    return {"processors": os.cpu_count(), "busy": busy, "load": load, "rows": rows}


def _row(name: str, times: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "ms": [round(seconds * 1e3, 1) for seconds in times],
        "median_ms": round(float(np.median(times)) * 1e3, 1),
        "longest_ms": round(max(times) * 1e3, 1),
        "within": sum(seconds <= MOST_S for seconds in times),
    }


@contextmanager
def _busy(count: int) -> Iterator[None]:
    counting = [
        subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(count)
    ]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def _one(bench: Bench, fault: Callable[[Bench], Any]) -> float | None:
    """From the last command of the policy to the first that holds; None where it did not run."""
    begin = time.monotonic()
    if not bench.wait(lambda: bench.moving(begin), 20.0):
        return None
    since = time.monotonic()
    with fault(bench):
        time.sleep(0.75)
    time.sleep(0.3)
    commands = bench.robot.witness.commands(since - 0.3)
    return longest_rest(commands)


def longest_rest(commands: Sequence[Any]) -> float | None:
    """Of the longest run of equal commands: how long after its first one the second one came."""
    runs = [list(run) for _, run in itertools.groupby(commands, key=lambda c: c.positions)]
    longest = max(runs, key=len, default=[])
    return longest[1].stamp - longest[0].stamp if len(longest) > 2 else None


def figure(record: dict[str, Any]) -> str:
    """Every repeat as a dot, by cause."""
    series = [
        Series(
            row["name"], [(float(place + 1), ms) for place, ms in enumerate(row["ms"])], dots=True
        )
        for row in record["rows"]
    ]
    limits = [("two periods", MOST_S * 1e3), ("one period", PERIOD_S * 1e3)]
    title = "last command of the policy to first command that holds [ms]"
    return svg([Panel(title, series, limits, low=0.0)], "repeat")
