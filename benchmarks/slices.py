# SPDX-License-Identifier: Apache-2.0
"""What is measured together: a group of rows on one policy, in one process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks import capture, command_rows, drawing, memory, node_latency
from benchmarks import reference_rows as reference
from benchmarks.interleave import Effort, interleave
from benchmarks.machine import describe
from benchmarks.node_latency import VARIANTS, Variant
from benchmarks.our_rows import ENGINES, Ours, runs_on
from benchmarks.results import RowResult, SliceResult, row_results, slice_name
from benchmarks.sizes import SIZES, make_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.interleave import Row
    from benchmarks.sizes import Subject


CPU, CUDA = "cpu", "cuda"
DEVICES = (CPU, CUDA)
QUICK_ENGINES = {
    CPU: (("eager", "float32"),),
    CUDA: (("eager", "float32"), ("cuda_graph", "float32"), ("cuda_graph", "bfloat16")),
}


@dataclass(frozen=True)
class Settings:
    """How a run measures.

    engines: of our rows. memory: the kinds of process beside ours. variants: of the node, each for
    so many observations.
    """

    threads: int = 2
    effort: Effort = field(default_factory=Effort)
    engines: tuple[tuple[str, str], ...] = ENGINES
    memory: tuple[str, ...] = tuple(memory.REFERENCES)
    variants: tuple[Variant, ...] = VARIANTS
    observations: int = 30

    def quick(self, device: str = "cpu") -> Settings:
        """Enough to see that it runs, not to believe a figure."""
        effort = replace(self.effort, seconds=0.0, fewest=3, warmup=1)
        return replace(
            self,
            effort=effort,
            engines=QUICK_ENGINES[device],
            memory=(),
            variants=VARIANTS[:1],
            observations=5,
        )


@dataclass(frozen=True)
class Group:
    """Rows to be timed against `reference`: for which sizes, devices, in how many rounds."""

    title: str
    rows: Callable[[Subject, Ours], list[Row]]
    reference: str
    sizes: tuple[str, ...]
    devices: tuple[str, ...] = DEVICES
    fewest: int = 15
    most: int = 300


def _ticks(subject: Subject, ours: Ours) -> list[Row]:
    library = [] if _on_gpu(subject) else [reference.library_tick(subject)]
    return [reference.plain_forward(subject), *library, *ours.rows("tick")]


def _forwards(subject: Subject, ours: Ours) -> list[Row]:
    return [reference.plain_forward(subject), *ours.rows("forward")]


def _from_images(subject: Subject, ours: Ours) -> list[Row]:
    library = [] if _on_gpu(subject) else [reference.library_from_images(subject)]
    return [
        reference.plain_forward(subject),
        reference.processing(subject),
        reference.select_action(subject),
        *library,
        *ours.rows("images"),
    ]


def _options(subject: Subject, ours: Ours) -> list[Row]:
    kinds = ("tick", "encoder", "rollout")
    rows = [reference.plain_forward(subject)]
    rows += [ours.row(kind, "eager", "float32") for kind in kinds]
    if not _on_gpu(subject):
        return rows + [ours.row(kind, "openvino", "float32") for kind in ("tick", "rollout")]
    others = [pair for pair in ours.engines if pair != ("eager", "float32")]
    return rows + [ours.row(kind, *pair) for pair in others for kind in ("tick", "rollout")]


def _contributions(subject: Subject, ours: Ours) -> list[Row]:
    dtypes = ("float32", "bfloat16")
    fastest = "cuda_graph" if _on_gpu(subject) else "openvino"
    engines = [(engine, dtype) for dtype in dtypes for engine in ("eager", fastest)]
    rows = [
        reference.plain_forward(subject),
        *(ours.row("images", *pair) for pair in engines),
        *(ours.row("contribution", *pair) for pair in engines),
        *(ours.row("token_contribution", *pair) for pair in engines),
    ]
    if _on_gpu(subject):
        # By autograd, whatever the engine: one of them tells how long it takes.
        kinds = ("contribution_alone", "token_contribution_alone")
        rows += [ours.row(kind, "eager", dtype) for kind in kinds for dtype in dtypes]
    return rows


def _cameras(subject: Subject, ours: Ours) -> list[Row]:
    return [reference.plain_forward(subject), *ours.rows("tick")]


def _on_gpu(subject: Subject) -> bool:
    return CUDA in subject.device


TIMED = {
    "tick": Group(
        "From normalised tensors to overlays", _ticks, reference.PLAIN, ("default", "small", "demo")
    ),
    "forward": Group(
        "The forward pass alone", _forwards, reference.PLAIN, ("default", "small", "demo")
    ),
    "images": Group(
        "From uint8 images to the action and overlays",
        _from_images,
        reference.PLAIN,
        ("default", "small", "demo"),
    ),
    "options": Group(
        "What is shown", _options, reference.PLAIN, ("default", "small", "demo")
    ),
    "contribution": Group(
        "Contributions", _contributions, reference.PLAIN, ("default", "small", "demo")
    ),
    "cameras": Group(
        "One to four cameras", _cameras, reference.PLAIN, ("1cam", "2cam", "3cam", "4cam")
    ),
    "capture": Group(
        "Showing the attention, on against off",
        lambda subject, _: capture.rows(subject),
        capture.OFF,
        ("default", "small", "demo"),
        fewest=100,
    ),
    "commands": Group(
        "Commands beside a contribution on its stream",
        command_rows.rows,
        "",
        ("default", "demo"),
        devices=(CUDA,),
        fewest=200,
        most=1000,
    ),
    "drawing": Group(
        "Maps and pictures",
        lambda subject, _: drawing.rows(subject),
        "",
        ("default",),
        devices=(CPU,),
    ),
}  # fmt: skip
MEMORY, NODE = "memory", "node"
QUICK_SIZE = "tiny"
TITLES = {
    **{name: group.title for name, group in TIMED.items()},
    MEMORY: "Peak memory of a process",
    NODE: "The whole node, over DDS",
}
GPU_WARMUP = 10
# The engines whose growth with the cameras is shown; float32 and the fastest that need no form.
CAMERA_ENGINES = tuple(
    pair for pair in ENGINES if pair[0] in {"eager", "openvino", "cuda_graph"} and pair[1] != "int8"
)


@dataclass(frozen=True)
class Slice:
    """One group on one size and device."""

    group: str
    size: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        """As its file is called."""
        return slice_name(self.group, self.size, self.device)


def all_slices(device: str = CPU) -> list[Slice]:
    """Of a device, in the order of the document."""
    timed = [
        Slice(name, size, device)
        for name, group in TIMED.items()
        for size in group.sizes
        if device in group.devices
    ]
    rest = [Slice(group, size, device) for group in (MEMORY, NODE) for size in ("default", "demo")]
    return timed + rest


def groups_of(device: str) -> list[str]:
    """The groups that are measured on a device, in the order of the document."""
    return list(dict.fromkeys(each.group for each in all_slices(device)))


def effort_of(group: Group, device: str, effort: Effort) -> Effort:
    """How much to time of a group: a GPU also needs some rounds to raise its clocks."""
    if not effort.seconds:
        return effort
    return replace(
        effort,
        fewest=max(effort.fewest, group.fewest),
        most=max(effort.most, group.most),
        warmup=max(effort.warmup, GPU_WARMUP) if device == CUDA else effort.warmup,
    )


def run(chosen: Slice, settings: Settings) -> SliceResult:
    """Measure one slice in this process."""
    subject = make_subject(chosen.size, chosen.device)
    facts: Sequence[dict[str, object]] = ()
    reference_row, unit = "", "ms"
    left_out, others = 0, None
    rows: tuple[RowResult, ...]
    if chosen.group == MEMORY:
        # Its processes load a checkpoint of their own, for which there is no int8 form.
        engines = [
            pair
            for pair in settings.engines
            if runs_on(pair[0], chosen.device) and pair[1] != "int8"
        ]
        rows = memory.measure(subject, settings.memory, engines, settings.threads)
        reference_row, unit = memory.LEROBOT, "MiB"
    elif chosen.group == NODE:
        rows = node_latency.measure(
            subject, settings.variants, settings.threads, settings.observations
        )
    else:
        group = TIMED[chosen.group]
        engines = [
            pair for pair in settings.engines if chosen.group != "cameras" or pair in CAMERA_ENGINES
        ]
        ours = Ours(subject, engines)
        timed = group.rows(subject, ours)
        effort = effort_of(group, chosen.device, settings.effort)
        timing = interleave(timed, effort, synchronise_of(chosen.device))
        left_out, others = timing.left_out, timing.others
        rows = row_results(timed, timing.seconds, 1e3)
        facts, reference_row = ours.facts(), group.reference
    return SliceResult(
        group=chosen.group,
        size=chosen.size,
        title=SIZES[chosen.size].title,
        device=chosen.device,
        threads=settings.threads,
        machine=describe(chosen.device),
        unit=unit,
        reference=reference_row,
        rows=rows,
        facts=tuple(facts),
        left_out=left_out,
        others=others,
    )


def synchronise_of(device: str) -> Callable[[], None]:
    """What waits for all that this thread has launched in its current stream.

    Not for the whole device: a command's time would have that of the contribution beside it.
    """
    if device == CPU:
        return lambda: None
    import torch  # noqa: PLC0415

    def wait() -> None:
        torch.cuda.current_stream().synchronize()

    return wait
