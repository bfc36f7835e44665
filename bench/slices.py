# SPDX-License-Identifier: Apache-2.0
"""What is measured together: a group of rows on one policy, in one process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench import capture, drawing, memory, node_latency
from bench import reference_rows as reference
from bench.interleave import Effort, interleave
from bench.machine import describe
from bench.node_latency import VARIANTS, Variant
from bench.our_rows import ENGINES, Ours
from bench.results import RowResult, SliceResult, row_results, slice_name
from bench.sizes import SIZES, make_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.interleave import Row
    from bench.sizes import Subject


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

    def quick(self) -> Settings:
        """Enough to see that it runs, not to believe a figure."""
        effort = replace(self.effort, seconds=0.0, fewest=3, warmup=1)
        return replace(
            self,
            effort=effort,
            engines=(("eager", "float32"),),
            memory=(),
            variants=VARIANTS[:1],
            observations=5,
        )


@dataclass(frozen=True)
class Group:
    """Rows to be timed against `reference`, for which sizes, on which devices."""

    title: str
    rows: Callable[[Subject, Ours], list[Row]]
    reference: str
    sizes: tuple[str, ...]
    cuda: bool = True
    fewest: int = 15


def _ticks(subject: Subject, ours: Ours) -> list[Row]:
    return [
        reference.plain_forward(subject),
        reference.library_tick(subject),
        *ours.rows("tick"),
    ]


def _forwards(subject: Subject, ours: Ours) -> list[Row]:
    return [reference.plain_forward(subject), *ours.rows("forward")]


def _from_images(subject: Subject, ours: Ours) -> list[Row]:
    return [
        reference.plain_forward(subject),
        reference.processing(subject),
        reference.select_action(subject),
        reference.library_from_images(subject),
        *ours.rows("images"),
    ]


def _options(subject: Subject, ours: Ours) -> list[Row]:
    kinds = ("tick", "encoder", "rollout")
    return [
        reference.plain_forward(subject),
        *(ours.row(kind, "eager", "float32") for kind in kinds),
        *(ours.row(kind, "openvino", "float32") for kind in ("tick", "rollout")),
    ]


def _contributions(subject: Subject, ours: Ours) -> list[Row]:
    dtypes = ("float32", "bfloat16")
    engines = [(engine, dtype) for dtype in dtypes for engine in ("eager", "openvino")]
    return [
        reference.plain_forward(subject),
        *(ours.row("images", *pair) for pair in engines),
        *(ours.row("contribution", *pair) for pair in engines),
        *(ours.row("token_contribution", *pair) for pair in engines),
    ]


def _cameras(subject: Subject, ours: Ours) -> list[Row]:
    return [reference.plain_forward(subject), *ours.rows("tick")]


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
    "drawing": Group(
        "Maps and pictures", lambda subject, _: drawing.rows(subject), "", ("default",), cuda=False
    ),
}  # fmt: skip
MEMORY, NODE = "memory", "node"
QUICK_SIZE = "tiny"
TITLES = {
    **{name: group.title for name, group in TIMED.items()},
    MEMORY: "Peak memory of a process",
    NODE: "The whole node, over DDS",
}
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


def all_slices(*, cuda: bool) -> list[Slice]:
    """In the order of the document."""
    devices = ("cpu", "cuda") if cuda else ("cpu",)
    slices = [
        Slice(name, size, device)
        for device in devices
        for name, group in TIMED.items()
        for size in group.sizes
        if device == "cpu" or group.cuda
    ]
    rest = [Slice(group, size) for group in (MEMORY, NODE) for size in ("default", "demo")]
    return slices + rest


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
            pair for pair in settings.engines if pair[0] != "cuda_graph" and pair[1] != "int8"
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
        effort = settings.effort
        if effort.seconds:
            effort = replace(effort, fewest=max(effort.fewest, group.fewest))
        timing = interleave(timed, effort, _synchronise(chosen.device))
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


def _synchronise(device: str) -> Callable[[], None]:
    if device == "cpu":
        return lambda: None
    import torch  # noqa: PLC0415

    return torch.cuda.synchronize
