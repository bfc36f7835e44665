# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md and docs/benchmarks_gpu.md, written from the results alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import gpu_page
from benchmarks.capture import OFF
from benchmarks.interleave import CALM
from benchmarks.sizes import SIZES
from benchmarks.slices import CPU, MEMORY, NODE, TITLES
from benchmarks.targets import findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.results import RowResult, SliceResult

HEAD = """# Benchmarks

`make bench` measures all of this and writes this page from `benchmarks/results/*.json`;
`python -m benchmarks --slice tick-default` measures one table of it, `--quick` a little of
everything. The rows of a table ran in turns in one process, in a new random order each round,
after warm-up; rounds in which other programs had more than 5% of the processors are left out.
Shown are medians over the rounds, the 5th and 95th percentile, and the ratio to the reference row
with its 95% bootstrap interval over rounds. Policies other than the demo's have random weights, and
the images are noise: neither changes how long a pass takes.

lerobot's plain forward pass is `predict_action_chunk` under `inference_mode`. If a table starts
from normalised tensors, both sides read the very same ones. "Maps" and "overlays" are those of the
cross-attention unless something else is said: mean over heads and the chunk, running scale, one
overlay per camera.

The library is physical-ai-interpretability as its users call it (`select_action`, then
`visualize_attention`), on stock lerobot with the backbone under the name that it looks for.
"""

CAPTURE = """On: `step` with cross-attention weights, maps and overlays. Off: the same `step` with a
fused cross-attention, whose weights never exist. The change is the median of the paired differences
by the median of the latter.
"""

COMMANDS = """A command is `step` from images to the action, in the main thread, as the node makes
the chunk that it waits for. Meanwhile another thread computes contributions one after the other, as
the node does: with its priority, and on the stream that the policy gives them. Each command begins
at a random moment of a contribution, and is timed until its own stream is done. Both threads share
the interpreter's lock as well as the GPU. The ratios are to the same engine's command alone, in the
same rounds; the 99% of few rounds are rough.

PyTorch has no priority below that of the default stream, where the commands are. The last row of
each engine has a stream for them that goes before the contribution's; the node has none.
"""

MEMORY_NOTE = """A fresh process for each row loads the checkpoint from disk and runs three ticks;
the figure is the kernel's VmHWM. It holds what loading needs for a moment, such as lerobot's own
pass in ours, which checks the written-out one.
"""

NODE_NOTE = """Two processes run: the attention node as `pam_ros run` starts it, and a second one.
The second publishes one observation at a time, which is every camera's rgb8 image and the joint
states. It then waits for the command, the map and all overlays. Times are from just before the
first publication to the arrival in that second process. A map and an overlay count if they carry
the observation's stamp.
"""


TAIL = 99
TAILED = ("", "Median [ms]", f"{TAIL}% [ms]", "Rounds", "Median to alone", f"{TAIL}% to alone")


def document(results: Mapping[str, SliceResult], device: str = CPU) -> str:
    """The whole page of a device; without results it says that nothing was measured."""
    return "\n".join(_document(results, device)).rstrip() + "\n"


def _document(results: Mapping[str, SliceResult], device: str) -> Iterator[str]:
    if device == CPU:
        yield HEAD
    else:
        yield from gpu_page.head(results)
    if results or device == CPU:
        yield "## Where"
        yield ""
        yield from _machines(list(results.values()), device)
    yield "## What is promised"
    yield ""
    yield "Default ACT, two 480x640 cameras; ours with maps and two overlays."
    yield ""
    lines = [(found.promise, found.measured, found.holds) for found in findings(results, device)]
    yield from _table(("Promise", "Measured", "Holds"), lines)
    sizes = list(SIZES)
    for group, title in TITLES.items():
        of_group = [result for result in results.values() if result.group == group]
        of_group.sort(key=lambda result: (result.device, sizes.index(result.size)))
        if of_group:
            yield f"## {title}"
            yield ""
            yield from _group(group, of_group)


def _group(group: str, results: Sequence[SliceResult]) -> Iterator[str]:
    notes = {"capture": CAPTURE, "commands": COMMANDS, MEMORY: MEMORY_NOTE, NODE: NODE_NOTE}
    if group == MEMORY and any("cuda" in result.device for result in results):
        yield gpu_page.MEMORY_NOTE
    elif group in notes:
        yield notes[group]
    for result in results:
        yield f"**{_first_upper(result.title)}{' on the GPU' if 'cuda' in result.device else ''}**"
        yield ""
        yield from _rows(result)
        yield from _company(result)
        if result.facts and group == "tick":
            yield from _facts(result)


def _rows(result: SliceResult) -> Iterator[str]:
    if any(row.against for row in result.rows):
        yield from _table(TAILED, [_tailed_row(result, row) for row in result.rows])
        return
    if result.unit == "ms":
        head = ["", "Median [ms]", "5% to 95%", "Rounds"]
    else:
        head = ["", f"Peak [{result.unit}]"]
    reference = result.row(result.reference)
    if reference is not None:
        head.append(f"Ratio to {reference.label.split(':')[0]}'s")
        if result.group == "capture":
            head[-1] = "Change"
    yield from _table(head, [_row(result, row, len(head)) for row in result.rows])


def _row(result: SliceResult, row: RowResult, columns: int) -> Sequence[str]:
    label = f"{row.label} ({row.note})" if row.note else row.label
    if not row.samples:
        return (label, f"not measured: {row.missing}", *[""] * (columns - 2))
    cells = [label, f"{row.median:.4g}" if result.unit == "ms" else f"{row.median:.0f}"]
    if result.unit == "ms":
        low, high = np.percentile(row.samples, [5, 95])
        cells += [f"{low:.4g} to {high:.4g}", str(len(row.samples))]
    if len(cells) < columns:
        cells.append(_comparison(result, row))
    return cells


def _tailed_row(result: SliceResult, row: RowResult) -> Sequence[str]:
    if not row.samples:
        return (row.label, f"not measured: {row.missing}", *[""] * (len(TAILED) - 2))
    ratios = ["1", "1"]
    if row.key != row.against:
        found = [result.ratio(row.key, percent=percent) for percent in (50, TAIL)]
        ratios = [f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in found if each]
    tail = f"{np.percentile(row.samples, TAIL):.4g}"
    return (row.label, f"{row.median:.4g}", tail, str(len(row.samples)), *ratios)


def _comparison(result: SliceResult, row: RowResult) -> str:
    if row.key == result.reference:
        return "1"
    if result.group == "capture":
        change = result.change(row.key, OFF)
        assert change is not None
        return f"{100 * change.value:+.2f}% [{100 * change.low:+.2f}, {100 * change.high:+.2f}]"
    ratio = result.ratio(row.key)
    assert ratio is not None
    if len(row.samples) == 1:
        return f"{ratio.value:.2f}"
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def _company(result: SliceResult) -> Iterator[str]:
    """What other programs did meanwhile, where it was more than a little."""
    if result.left_out or (result.others or 0.0) > CALM:
        rounds = max(len(row.samples) for row in result.rows)
        yield (
            f"{result.left_out} of {rounds + result.left_out} rounds are left out as disturbed; in "
            f"those kept, other programs had {100 * (result.others or 0.0):.0f}% of the processors."
        )
        yield ""


def _facts(result: SliceResult) -> Iterator[str]:
    yield "Ready after: compiling or capturing, with the caches on disk as they were. Errors: the"
    yield "largest difference to eager float32 on this observation, of the chunk in normalised"
    yield "units and of the attention weights."
    yield ""
    yield from _table(
        ("Engine", "Ready after [s]", "Chunk error", "Weight error"),
        [
            (
                f"{fact['engine']} {fact['dtype']}",
                f"{fact['warmup_seconds']:.3g}",
                f"{fact['chunk_error']:.1e}",
                f"{fact['attention_error']:.1e}",
            )
            for fact in result.facts
        ],
    )


def _machines(results: Sequence[SliceResult], device: str) -> Iterator[str]:
    seen: dict[str, list[str]] = {}
    for result in results:
        seen.setdefault(_machine(result), []).append(result.name)
    for text, names in seen.items():
        yield f"- {text}" + (f" For {', '.join(names)}." if len(seen) > 1 else "")
    if device == CPU:
        yield f"- All of this is on the CPU. GPUs have [a page of their own]({gpu_page.NAME})."
    yield ""


def _machine(result: SliceResult) -> str:
    machine = result.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    gpu = ""
    if "gpu" in machine:
        memory = f"{machine['gpu_memory_gib']:.0f} GiB"
        gpu = f", {machine['gpu']} with {memory} (CUDA {machine['cuda']})"
    sets = ", ".join(machine["instruction_sets"]) or "none that matter here"
    return (
        f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']:.0f} GiB{gpu}; torch, "
        f"OpenCV and OpenVINO pinned to {result.threads} threads. Instruction sets: {sets}. "
        f"{machine['system']}, Python {machine['python']}, {versions}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
