# SPDX-License-Identifier: Apache-2.0
"""What this package promises about its speed, and what the results say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.capture import OFF, ON, ON_ROLLOUT
from benchmarks.drawing import MAPS, OVERLAYS, OVERLAYS_COLD, ROLLOUT_MAPS
from benchmarks.interleave import CALM
from benchmarks.reference_rows import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import SliceResult

Verdict = Literal["yes", "no", "unsure", "not measured"]
LIBRARY_ROWS = {"tick": "library_tick", "images": "library_from_images"}
BFLOAT16_SETS = {"avx512_bf16", "amx"}
INT8_SETS = {"avx512_vnni", "avx_vnni", "amx"}


@dataclass(frozen=True)
class Finding:
    """One promise: in words, what was measured, and whether it holds.

    A ratio holds where its whole interval does, and is "unsure" where the value does alone.
    """

    promise: str
    measured: str
    holds: Verdict


def findings(results: Mapping[str, SliceResult], device: str = "cpu") -> list[Finding]:
    """A device's promises, in order; "not measured" where the slice or the row is not there."""
    if device == "cuda":
        return [
            _ratio(
                "GPU, float32: at most 0.35 of lerobot's plain forward",
                results.get("tick-default-cuda"),
                ("cuda_graph", "compile", "eager"),
                0.35,
            )
        ]
    tick = _default_ticks(results)
    return [
        _ratio("eager float32: at most 0.80 of lerobot's plain forward", tick, ("eager",), 0.80),
        _ratio("best engine, float32: at most 0.70 of it", tick, ("compile", "openvino"), 0.70),
        _bfloat16("best engine, bfloat16, with AVX512-BF16 or AMX: at most 0.38 of it", tick),
        _int8(
            "int8, forward pass alone, VNNI or AMX: at most 0.20 of it",
            results,
            "default",
            0.20,
        ),
        _int8("the same of the demo policy: at most 0.16", results, "demo", 0.16),
        _ratio(
            "best engine, float32: at most 0.45 of the library's tick",
            tick,
            ("eager", "compile", "openvino"),
            0.45,
            reference=LIBRARY_ROWS.get(tick.group if tick else "", ""),
        ),
        _milliseconds("overlay: at most 0.6 ms per 480x640 camera", results, OVERLAYS, 0.6, 2),
        _milliseconds("the same after 80 MB of other work", results, OVERLAYS_COLD, 0.6, 2),
        _milliseconds("maps: at most 0.3 ms per tick", results, MAPS, 0.3, 1),
        _milliseconds("maps of the rollout: the same", results, ROLLOUT_MAPS, 0.3, 1),
        _capture("cross-attention", results.get("capture-default"), ON),
        _capture("rollout", results.get("capture-default"), ON_ROLLOUT),
    ]


def _default_ticks(results: Mapping[str, SliceResult]) -> SliceResult | None:
    """The ticks from normalised tensors; where other programs disturbed them, those from images.

    The latter do more on our side alone, the pre- and post-processing, so they promise no less.
    """
    tick, images = results.get("tick-default"), results.get("images-default")
    if images is not None and (tick is None or (tick.others or 0.0) > CALM):
        return images
    return tick


def _ratio(
    promise: str,
    result: SliceResult | None,
    engines: tuple[str, ...],
    limit: float,
    dtype: str = "float32",
    reference: str = PLAIN,
) -> Finding:
    """The best of these engines against the reference."""
    found = [
        (engine, ratio)
        for engine in engines
        if result and (ratio := result.ratio(f"ours_{result.group}_{engine}_{dtype}", reference))
    ]
    if result is None or not found:
        return Finding(promise, "", "not measured")
    engine, ratio = min(found, key=lambda pair: pair[1].value)
    name = f"{engine}: " if len(engines) > 1 else ""
    measured = f"{name}{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
    if result.group == "images":
        measured += ", ours from images"
    unsure = ratio.value <= limit < ratio.high
    return Finding(promise, measured, "unsure" if unsure else _verdict(ratio.value <= limit))


def _bfloat16(promise: str, result: SliceResult | None) -> Finding:
    if result and not BFLOAT16_SETS & set(result.machine["instruction_sets"]):
        return Finding(promise, "this processor has neither", "not measured")
    return _ratio(promise, result, ("eager", "compile", "openvino"), 0.38, "bfloat16")


def _int8(promise: str, results: Mapping[str, SliceResult], size: str, limit: float) -> Finding:
    result = results.get(f"forward-{size}")
    if result and not INT8_SETS & set(result.machine["instruction_sets"]):
        return Finding(promise, "this processor has neither", "not measured")
    return _ratio(promise, result, ("openvino",), limit, "int8")


def _milliseconds(
    promise: str, results: Mapping[str, SliceResult], key: str, limit: float, share_of: int
) -> Finding:
    """The row's time divided by `share_of`."""
    result = results.get("drawing-default")
    row = result.row(key) if result else None
    if row is None:
        return Finding(promise, "", "not measured")
    each = row.median / share_of
    return Finding(promise, f"{each:.3f} ms", _verdict(each <= limit))


def _capture(method: str, result: SliceResult | None, on: str) -> Finding:
    promise = f"{method} on against off: within 2%, over at least 100 paired ticks"
    change = result.change(on, OFF) if result else None
    row = result.row(on) if result else None
    if change is None or row is None:
        return Finding(promise, "", "not measured")
    low, high = 100 * change.low, 100 * change.high
    measured = f"{100 * change.value:+.2f}% [{low:+.2f}, {high:+.2f}], {len(row.samples)} pairs"
    if len(row.samples) < 100:
        return Finding(promise, measured, "no")
    if abs(change.value) > 0.02 and change.low <= 0.02:
        return Finding(promise, measured, "unsure")
    return Finding(promise, measured, _verdict(abs(change.value) <= 0.02 or low <= 0 <= high))


def _verdict(holds: bool) -> Verdict:
    return "yes" if holds else "no"
