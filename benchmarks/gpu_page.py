# SPDX-License-Identifier: Apache-2.0
"""What docs/benchmarks_gpu.md says besides its tables: also what it will measure, until it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.interleave import Effort
from benchmarks.our_rows import ENGINES, runs_on
from benchmarks.slices import CUDA, TIMED, TITLES, all_slices, effort_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.results import SliceResult

NAME = "benchmarks_gpu.md"

NOTHING = """**Not measured: no machine with a GPU has run `make bench-gpu` yet.** This page is
what that command writes of no results. Nothing on it is a figure of a GPU.
"""

HOW = """`make bench-gpu` measures this page on an NVIDIA GPU and writes it from
`benchmarks/results/gpu/*.json`. On a machine without one it says so and ends with a status that is
not 0; results and page stay as they are. What [the CPU's page](benchmarks.md) says of rows, rounds,
medians and intervals is true here as well, but for these:

- A row's clock stops when the stream that it runs in is done, not when the whole GPU is.
- TF32 is off, for lerobot's pass as for ours: float32 is full float32.
- The library physical-ai-interpretability is not timed here.
- Other programs are watched on the CPU alone: leave the GPU to the benchmark.
- Contributions are autograd's with every engine, since no CUDA graph here has a gradient. With
  `cuda_graph` the graph is that of the tick's own pass.

The first of these commands measures everything. The second only tells whether all of it runs, on a
tiny policy, and leaves this page alone. The others list the tables, measure one of them, and write
the page anew:

    make bench-gpu
    python -m benchmarks --device cuda --quick --results out/gpu --page out/gpu.md
    python -m benchmarks --device cuda --list
    python -m benchmarks --device cuda --slice commands-default-cuda
    python -m benchmarks --device cuda --table
"""

MEMORY_NOTE = """A fresh process for each row loads the checkpoint from disk and runs three ticks.
The figure is the most of the GPU's memory that torch has held (`max_memory_reserved`). Loading and
what CUDA graphs keep for themselves are in it; CUDA's own context is not.
"""


def head(results: Mapping[str, SliceResult]) -> Iterator[str]:
    """All that stands before the tables."""
    yield "# Benchmarks on a GPU"
    yield ""
    if not results:
        yield NOTHING
    yield HOW
    yield from _how_long()
    missing = [each for each in all_slices(CUDA) if each.name not in results]
    if missing:
        yield "## What is still to be measured" if results else "## What it will measure"
        yield ""
        pairs = [pair for pair in ENGINES if runs_on(pair[0], CUDA)]
        engines = ", ".join(dict.fromkeys(f"`{engine}`" for engine, _ in pairs))
        yield f"Engines: {engines}, each in {' and '.join(dict.fromkeys(d for _, d in pairs))}. The"
        yield "policies are those of the CPU's page."
        yield ""
        for group, title in TITLES.items():
            sizes = [each.size for each in missing if each.group == group]
            if sizes:
                yield f"- {title} (`{group}`): {', '.join(sizes)}"
        yield ""


def _how_long() -> Iterator[str]:
    """What is known of it: the limits."""
    effort = Effort()
    slices = all_slices(CUDA)
    timed = [each for each in slices if each.group in TIMED]
    limits: dict[tuple[int, int], list[str]] = {}
    for group in dict.fromkeys(each.group for each in timed):
        asked = effort_of(TIMED[group], CUDA, effort)
        limits.setdefault((asked.fewest, asked.most), []).append(f"`{group}`")
    yield f"How long everything takes is not known. {len(timed)} of the {len(slices)} tables are"
    yield f"timed in rounds. A table's rounds end after {effort.seconds:.0f} s, but not before"
    yield "there are the fewest, and in any case with the most:"
    yield ""
    yield "| Tables | Fewest rounds | Most |"
    yield "| --- | --- | --- |"
    for (fewest, most), groups in limits.items():
        yield f"| {', '.join(groups)} | {fewest} | {most} |"
    yield ""
    yield "Loading, compiling, capturing and warming up come on top of that, and the processes of"
    yield "`memory` and `node`."
    yield ""
