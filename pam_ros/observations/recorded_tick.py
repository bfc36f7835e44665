# SPDX-License-Identifier: Apache-2.0
"""A live tick as a recording tells of it: which messages it looked at, and what it showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pam_ros.attention.selection import LAST


class RecordedLook(NamedTuple):
    """What a map shows, as an AttentionMap has it.

    Attributes:
        method: of the map.
        layer: its label.
        head: its label; of contributions the target.
        query: its label; of contributions the baseline and how many points.
        step: of the denoising: its number, "mean", or "last" where the map is of none.
    """

    method: str
    layer: str
    head: str
    query: str
    step: str = LAST


@dataclass(frozen=True)
class RecordedTick:
    """One tick of the live run.

    stamps: of the messages that it looked at [ns], by source; without the joint state where the
    policy reads none. received_ns: when it had run at the latest: when its map was recorded, or one
    of a later tick. source_tick: whose chunk its command was of; -1 where that is not known.
    chunk_executed, first_executed_tick: whether its own chunk moved the robot, and from which tick
    on it did or could have. dry: whether there was no action for it, since no chunk was there.
    look: None where the map is not valid. instruction: what the robot was told; empty where nothing
    says.
    """

    episode: int
    tick: int
    stamps: dict[str, int]
    stamp_ns: int
    received_ns: int
    source_tick: int
    chunk_executed: bool
    look: RecordedLook | None
    first_executed_tick: int = -1
    dry: bool = False
    instruction: str = ""
