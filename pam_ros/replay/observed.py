# SPDX-License-Identifier: Apache-2.0
"""One tick to be replayed: its messages, still serialised, and what the recording says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.bags.reader import BagMessage
    from pam_ros.replay.recorded import RecordedTick


@dataclass(frozen=True)
class Stamped:
    """A message of a source and its header's stamp [ns]."""

    source: str
    stamp_ns: int
    message: BagMessage


@dataclass(frozen=True)
class ObservedTick:
    """A set of messages. `missing` names sources whose message the recording lacks.

    received_ns: when the recording had all that the tick needs. restart: the clock was set back
    before it, so that an episode starts. recorded: the live tick, where maps were recorded.
    """

    messages: Mapping[str, Stamped]
    received_ns: int
    restart: bool = False
    recorded: RecordedTick | None = None
    missing: tuple[str, ...] = ()
