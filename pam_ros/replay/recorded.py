# SPDX-License-Identifier: Apache-2.0
"""The ticks that a recording's AttentionMaps tell of: which messages each of them looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.selection import METHODS, Selection, make_selection, stack_of
from pam_ros.replay.errors import ReplayError
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.sync import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.policy.interface import PolicySpec

Look = tuple[str, str, str, str]
"""Method, layer, head and query as an AttentionMap has them."""


@dataclass(frozen=True)
class RecordedTick:
    """One tick of the live run.

    stamps: of the messages that it looked at [ns], by source; without the joint state where the
    policy reads none. received_ns: when the map was recorded. look: None where the map is not
    valid.
    """

    episode: int
    tick: int
    stamps: dict[str, int]
    stamp_ns: int
    received_ns: int
    source_tick: int
    chunk_executed: bool
    look: Look | None


class RecordedTicks:
    """Reads AttentionMaps, in the order of the recording. `policies`: the weights they are of."""

    def __init__(self) -> None:
        self.ticks: list[RecordedTick] = []
        self.policies: set[str] = set()
        self.modes: set[str] = set()
        self._looks: dict[Look, Look] = {}
        self._names: dict[str, str] = {}

    def take(self, message: AttentionMap, received_ns: int) -> None:
        """One AttentionMap."""
        stamps = {
            self._names.setdefault(str(camera.name), str(camera.name)): stamp_nanoseconds(
                camera.header.stamp
            )
            for camera in message.cameras
        }
        state = stamp_nanoseconds(message.joint_state_stamp)
        if state:
            stamps[STATE] = state
        look = None
        if message.valid and message.method in METHODS:
            look = (message.method, message.layer, message.head, message.query)
            # One tuple for all ticks that have the same.
            look = self._looks.setdefault(look, look)
        self.policies.add(str(message.policy_sha256))
        self.modes.add(str(message.chunk_mode))
        self.ticks.append(
            RecordedTick(
                episode=int(message.episode),
                tick=int(message.tick),
                stamps=stamps,
                stamp_ns=stamp_nanoseconds(message.header.stamp),
                received_ns=received_ns,
                source_tick=int(message.command_source_tick),
                chunk_executed=bool(message.chunk_executed),
                look=look,
            )
        )


def first_look(ticks: Iterable[RecordedTick]) -> Look | None:
    """The first that a map tells of."""
    return next((tick.look for tick in ticks if tick.look is not None), None)


def selection_of(look: Look, spec: PolicySpec) -> Selection:
    """The selection whose labels these are.

    Raises:
        ReplayError: they do not fit this policy.
    """
    method, layer, head, query = look
    stack = stack_of(method, spec)
    number = stack and re.search(re.escape(stack.prefix) + r"(\d+)", layer)
    span = re.fullmatch(r"mean\((\d+):(\d+)\)", query)
    queries = f"{span[1]}:{span[2]}" if span else query
    try:
        return make_selection(method, int(number[1]) if number else -1, head, queries, spec)
    except AttentionError as error:
        raise ReplayError(
            f"the recorded maps show {', '.join(look)}, which this policy has not ({error}): name "
            "what to show with --method, --layer, --head and --query"
        ) from error
