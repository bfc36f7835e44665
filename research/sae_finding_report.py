# SPDX-License-Identifier: Apache-2.0
"""The finding's figures as Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from research.sae_finding_scenes import azimuths

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z = 1.959964
"""Of the normal distribution, for 95%."""


def report(content: dict[str, Any]) -> str:
    """Whatever of its steps the file holds."""
    parts = []
    if "test" in content:
        parts.append(_test_table(content["choose"], content["test"]))
    if "chunk" in content:
        parts.append(_chunk_table(content["chunk"]))
    if content.get("reach"):
        parts.append(_reach_table(content["reach"]))
    return "\n".join(parts)


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927, https://doi.org/10.2307/2276774)."""
    share = successes / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    spread = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return float(middle - spread), float(middle + spread)


def _test_table(chosen: dict[str, Any], found: dict[str, Any]) -> str:
    training = chosen["candidates"][0]
    lines = [
        (
            f"| r with the azimuth of | training ({chosen['episodes']}) | held out "
            f"({found['episodes']}) | 95% |"
        ),
        "| --- | --- | --- | --- |",
    ]
    for name, r in found["correlation"].items():
        low, high = found["interval_95"][name]
        lines.append(f"| {name} | {training[name]:.2f} | {r:.2f} | {low:.2f} to {high:.2f} |")
    return "\n".join([*lines, ""])


def _chunk_table(found: dict[str, Any]) -> str:
    lines = [
        (
            f"| {found['observations']} observations | RMS change | turn, degrees | spread | "
            "tip to goal, cm | norm |"
        ),
        "| --- " * 6 + "|",
    ]
    for arm, edits in found.items():
        if arm == "observations":
            continue
        if len(edits) == 1:
            (e,) = edits
            cells = [_spread(e["rms"], 3), _spread(e["turn"], 1), f"{e['turn spread']:.1f}"]
            cells += [_spread(e["miss"], 2), f"{e['norm']:.1f}"]
        else:
            arrays = [np.array([e[n][0] for e in edits]) for n in ("rms", "turn", "miss")]
            norm = np.array([e["norm"] for e in edits])
            cells = [_middle(arrays[0], 3), _middle(arrays[1], 1), "", _middle(arrays[2], 2)]
            cells.append(f"{np.median(norm):.1f}")
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _reach_table(found: dict[str, Any]) -> str:
    lines = [
        "| arm | reached | 95% | seconds to reach | end left of the cube |",
        "| --- " * 5 + "|",
    ]
    for arm, episodes in found.items():
        good = [e for e in episodes.values() if e["success"]]
        low, high = wilson(len(good), len(episodes))
        seconds = f"{np.median([e['ticks'] for e in good]) / 10:.1f}" if good else "-"
        left = np.array([e["left"] for e in episodes.values()])
        lines.append(
            f"| {arm} | {len(good)} of {len(episodes)} | {low:.0%} to {high:.0%} | "
            f"{_of_side(episodes, left=True)} | {_of_side(episodes, left=False)} | {seconds} | "
            f"{left.mean():+.1f} ({left.min():+.1f} to {left.max():+.1f}) |"
        )
    return "\n".join([*lines, ""])


def _of_side(episodes: dict[str, Any], *, left: bool) -> str:
    """How many of those whose cube stands on one side of the middle are reached."""
    azimuth = azimuths(np.array([int(seed) for seed in episodes]))[:, 0]
    found = [
        e["success"] for e, a in zip(episodes.values(), azimuth, strict=True) if (a > 0) == left
    ]
    return f"{sum(found)} of {len(found)}"


def _spread(values: list[float], digits: int) -> str:
    mean, low, high = values
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _middle(values: NDArray[Any], digits: int) -> str:
    low, middle, high = np.min(values), np.median(values), np.max(values)
    return f"median {middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
