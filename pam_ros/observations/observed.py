# SPDX-License-Identifier: Apache-2.0
"""One tick of a recording: its messages, still serialised, and what the recording says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.bags.reader import BagMessage
    from pam_ros.observations.recorded_tick import RecordedTick


@dataclass(frozen=True)
class Stamped:
    """A message of a source and what time it is of by the contract [ns]."""

    source: str
    stamp_ns: int
    message: BagMessage


@dataclass(frozen=True)
class ObservedTick:
    """A set of messages. `missing` names sources whose message the recording lacks.

    earlier: of sources whose messages may each hold a part, those before it, the newest first.
    received_ns: when the recording had all that the tick needs. restart: the clock was set back
    before it, so that an episode starts. recorded: the live tick, where maps were recorded.
    """

    messages: Mapping[str, Stamped]
    received_ns: int
    restart: bool = False
    recorded: RecordedTick | None = None
    missing: tuple[str, ...] = ()
    earlier: Mapping[str, Sequence[BagMessage]] = field(default_factory=dict)
