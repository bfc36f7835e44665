# SPDX-License-Identifier: Apache-2.0
"""From what a soak saw to its verdict, its page and its figure."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .charts import Panel, Series, svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
PAGE, FIGURE = ROOT / "docs" / "soak.md", ROOT / "docs" / "images" / "soak.svg"
RESULTS = Path(__file__).parent / "results" / "soak.json"
WINDOWS = 6
"""Of ten minutes each in an hour. The first is the warm-up of the memory."""
MOST_GROWTH, MOST_P99 = 0.02, 1.2
CAUSES = ("skipped", "stale", "future", "out_of_order", "overflow", "clock_reset", "duplicate")
"""Counters of /diagnostics that say why an observation had no tick, without their prefix."""
OTHER_CAUSES = ("deadline_misses", "bad_messages_tick")
_SPAN_S = 3.0
"""A missed tick is counted in a report this near."""


def figures_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Windows, processes, missed ticks and what is short of the criteria."""
    seconds = record["minutes"] * 60.0
    edges = [seconds * place / WINDOWS for place in range(WINDOWS + 1)]
    missed = missed_ticks(record, seconds)
    windows = [_window(record, missed, low, high) for low, high in itertools.pairwise(edges)]
    processes = {
        name: _process(rows, edges[1], edges[-2]) for name, rows in record["samples"].items()
    }
    first, last = windows[0]["map_ms_p99"], windows[-1]["map_ms_p99"]
    figures = {
        "minutes": record["minutes"],
        "processors": record["processors"],
        "observations": len(record["observations"]),
        "ticks": len(record["ticks"]),
        "missed": len(missed),
        "missed_without_a_cause": sum(not cause for _, cause in missed),
        "invalid": sum(not row[2] for row in record["ticks"]),
        "p99_last_by_first": round(last / first, 3) if first else math.nan,
        "windows": windows,
        "processes": processes,
    }
    return {**figures, "shortcomings": shortcomings(figures)}


def shortcomings(figures: Mapping[str, Any]) -> list[str]:
    """What a soak must not show, one sentence each."""
    found = []
    for name, process in figures["processes"].items():
        growth = process["growth"]
        if not growth <= MOST_GROWTH:
            found.append(f"{name} grew by {growth:.1%} after the warm-up")
        if process["descriptors_last"] > process["descriptors_warm"]:
            found.append(f"{name} has more descriptors open at the end")
    if not figures["ticks"]:
        found.append("no tick was seen")
    if figures["missed_without_a_cause"]:
        found.append(f"{figures['missed_without_a_cause']} ticks missed without a recorded cause")
    if not figures["p99_last_by_first"] <= MOST_P99:
        found.append(f"the last window's p99 is {figures['p99_last_by_first']} of the first one's")
    return found


def missed_ticks(record: Mapping[str, Any], seconds: float) -> list[tuple[float, str]]:
    """Observations that no map explains: when, and the counters of /diagnostics that rose then."""
    explained = {row[0] for row in record["ticks"]}
    reports = record["reports"]
    found = []
    for at in record["observations"]:
        # What is on its way when the soak begins or ends has no report to be in.
        if at in explained or not 1.0 < at < seconds - _SPAN_S:
            continue
        before = [report for report in reports if report["at"] <= at][-1:]
        after = [report for report in reports if report["at"] >= at + _SPAN_S][:1]
        after = after or reports[-1:]
        rose = []
        if before and after:
            old, new = before[0]["counts"], after[0]["counts"]
            names = [*(f"messages_{cause}" for cause in CAUSES), *OTHER_CAUSES]
            rose = [name for name in names if new.get(name, 0) > old.get(name, 0)]
        found.append((at, ", ".join(name.removeprefix("messages_") for name in rose)))
    return found


def _window(
    record: Mapping[str, Any], missed: Sequence[tuple[float, str]], low: float, high: float
) -> dict[str, Any]:
    rows = [row for row in record["ticks"] if low <= row[0] < high]
    maps = [row[1] for row in rows]
    others = [row for row in record["others"] if low <= row[0] < high]
    return {
        "minutes": [round(low / 60, 2), round(high / 60, 2)],
        "rate_hz": round(len(rows) / (high - low), 3),
        "map_ms_p50": _milliseconds(maps, 50),
        "map_ms_p99": _milliseconds(maps, 99),
        "missed": sum(low <= at < high for at, _ in missed),
        "others_share": round(float(np.mean([row[1] for row in others])), 3) if others else 0.0,
        "load": round(float(np.mean([row[2] for row in others])), 2) if others else 0.0,
        "resident_mb": {
            name: round(float(np.median([row[1] for row in rows if low <= row[0] < high])) / 1e6, 1)
            for name, rows in record["samples"].items()
            if any(low <= row[0] < high for row in rows)
        },
    }


def _process(rows: Sequence[Sequence[float]], warm_s: float, last_s: float) -> dict[str, Any]:
    """Medians of the window after the warm-up and of the last one."""
    after = [row for row in rows if warm_s <= row[0] < 2 * warm_s]
    last = [row for row in rows if row[0] >= last_s]
    if not after or not last:
        return {"growth": math.nan, "descriptors_warm": 0, "descriptors_last": 0}
    warm_bytes, last_bytes = (float(np.median([row[1] for row in part])) for part in (after, last))
    seconds = rows[-1][0] - rows[0][0]
    return {
        "warm_mb": round(warm_bytes / 1e6, 1),
        "last_mb": round(last_bytes / 1e6, 1),
        "growth": round(last_bytes / warm_bytes - 1, 4),
        "descriptors_warm": int(max(row[2] for row in after)),
        "descriptors_last": int(max(row[2] for row in last)),
        "cpu_share": round((rows[-1][3] - rows[0][3]) / seconds, 3) if seconds else 0.0,
    }


def _milliseconds(values: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(values, percentile)) * 1e3, 1) if values else math.nan


def write_page(record: Mapping[str, Any]) -> None:
    """docs/soak.md, its figure, and the figures as JSON."""
    figures = figures_of(record)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    FIGURE.write_text(figure(record))
    PAGE.write_text(page(figures))


def page(figures: Mapping[str, Any]) -> str:
    """The page as markdown."""
    minutes = f"{figures['minutes']:g}"
    verdict = "; ".join(figures["shortcomings"]) or "every criterion is met"
    return "\n".join(
        [
            _INTRODUCTION.format(minutes=minutes, processors=figures["processors"]),
            f"**{verdict[0].upper()}{verdict[1:]}.** {figures['observations']} observations,",
            f"{figures['ticks']} ticks, {figures['missed']} missed, of which",
            f"{figures['missed_without_a_cause']} without a recorded cause; last p99 by first p99:",
            f"{figures['p99_last_by_first']}.",
            "",
            "![Latency, memory and load over time](images/soak.svg)",
            "",
            *_window_table(figures),
            "",
            _OTHERS,
            *_process_table(figures),
            "",
        ]
    )


_OTHERS = """Others: the part of all processors' time that other programs on the machine took. If
they took most of it, rate and latencies are theirs more than this package's.
"""
_INTRODUCTION = """# {minutes} minutes of the demo

The demo's three processes, each as `make demo` starts it: the simulated arm at 10 Hz, the attention
node with the demo policy, and a recorder (of all but the pictures). Written by

    make soak MINUTES={minutes}

on {processors} processors. The criteria: after the first window no process grows by more than 2%,
nor opens more descriptors; no observation is left without a tick unless `/diagnostics` counts why;
the last window's p99 from observation to map, the command included, is at most 1.2 times the first
one's. A robot that observes more often than the policy is ready has observations without a tick:
they are counted as skipped.
"""


def _window_table(figures: Mapping[str, Any]) -> list[str]:
    titles = "minutes | ticks/s | observation to map, p50 / p99 [ms]"
    lines = [
        f"| {titles} | missed | others | load |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['minutes'][0]:g} to {row['minutes'][1]:g} | {row['rate_hz']:.2f} | "
        f"{row['map_ms_p50']} / {row['map_ms_p99']} | {row['missed']} | "
        f"{row['others_share']:.0%} | {row['load']} |"
        for row in figures["windows"]
    ]
    return lines


def _process_table(figures: Mapping[str, Any]) -> list[str]:
    lines = [
        "| process | memory after warm-up [MB] | at the end | growth | descriptors | cores used |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in figures["processes"].items():
        if "warm_mb" in row:
            lines.append(
                f"| {name} | {row['warm_mb']} | {row['last_mb']} | {row['growth']:.2%} | "
                f"{row['descriptors_warm']} to {row['descriptors_last']} | {row['cpu_share']} |"
            )
    return lines


def figure(record: Mapping[str, Any]) -> str:
    """Latency by minute, memory against that after the warm-up, descriptors and load."""
    seconds = record["minutes"] * 60.0
    step = max(seconds / 60.0, 1.0)
    by_step: dict[int, list[float]] = {}
    for row in record["ticks"]:
        if 0 <= row[0] < seconds:
            by_step.setdefault(int(row[0] // step), []).append(row[1])
    latency = [
        Series(
            f"p{percentile}",
            [
                ((place + 0.5) * step / 60, _milliseconds(values, percentile))
                for place, values in sorted(by_step.items())
            ],
        )
        for percentile in (50, 99)
    ]
    memory = [
        Series(name, [(row[0] / 60, row[1] / 1e6) for row in rows])
        for name, rows in record["samples"].items()
    ]
    descriptors = [
        Series(name, [(row[0] / 60, row[2]) for row in rows])
        for name, rows in record["samples"].items()
    ]
    others = [Series("others", [(row[0] / 60, 100 * row[1]) for row in record["others"]])]
    return svg(
        [
            Panel("observation to map [ms]", latency, low=0.0),
            Panel("resident memory [MB]", memory, low=0.0),
            Panel("open descriptors", descriptors, low=0.0),
            Panel("processors' time taken by other programs [%]", others, low=0.0),
        ],
        "minutes",
    )
