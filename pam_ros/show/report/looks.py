# SPDX-License-Identifier: Apache-2.0
"""What the maps of a recording show, which may change from tick to tick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.show.report.tick import Tick

_MEAN = -2  # AttentionMap.DENOISING_STEP_MEAN
_TEXTS = (
    "method", "layer", "head", "query", "target", "unit", "baseline", "instruction",
    "method_asked", "method_reason",
)  # fmt: skip


def looks(ticks: Sequence[Tick]) -> dict[str, Any]:
    """The looks that there are, and from which tick on each is the one.

    Returns:
        `all`: dicts of texts by the names of AttentionMap's fields, without the empty ones.
        `since`: pairs of a tick's place and the place of its look in `all`, rising. A tick without
        a map has the look of the one before it; those before the first map have none.
    """
    found: list[dict[str, str]] = []
    since: list[tuple[int, int]] = []
    for index, tick in enumerate(ticks):
        if not tick.message.valid or not tick.cameras:
            continue
        look = _look(tick.message)
        if look not in found:
            found.append(look)
        place = found.index(look)
        if not since or since[-1][1] != place:
            since.append((index, place))
    return {"all": found, "since": since}


def _look(message: AttentionMap) -> dict[str, str]:
    told = {name: str(getattr(message, name)) for name in _TEXTS}
    if int(message.denoising_steps):
        step = int(message.denoising_step)
        mean = step == _MEAN
        which = "mean" if mean else str(step) if step >= 0 else ""
        told["denoising"] = which and f"{which} of {int(message.denoising_steps)}"
    return {name: text for name, text in told.items() if text}
