# SPDX-License-Identifier: Apache-2.0
"""The ticks that a recording's AttentionMaps tell of: which messages each of them looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.attention.attribution import CONTRIBUTION_BASELINES, CONTRIBUTIONS, USUAL_BASELINE
from pam_ros.attention.contribution import CELL, ContributionRequest, parse_target
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import MEAN_OF_STEPS, NO_STEP
from pam_ros.attention.selection import (
    LAST,
    MEAN,
    METHODS,
    Selection,
    make_selection,
    stack_of,
)
from pam_ros.bags.tick_order import Arrived, in_tick_order
from pam_ros.observations.recorded_tick import RecordedLook, RecordedTick
from pam_ros.replay.errors import ReplayError
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.sync import STATE
from pam_ros.tick.contribution import InReserve, ShownContribution, show_contribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.policy.interface import Policy


class RecordedTicks:
    """Reads AttentionMaps. `policies`: the weights they are of.

    ticks: in the order in which they were recorded, until put_in_order.
    """

    def __init__(self) -> None:
        self.ticks: list[RecordedTick] = []
        self.policies: set[str] = set()
        self.modes: set[str] = set()
        self._looks: dict[RecordedLook, RecordedLook] = {}
        self._names: dict[str, str] = {}

    def take(self, message: AttentionMap, received_ns: int) -> None:
        """One AttentionMap."""
        stamps = {
            self._names.setdefault(str(camera.name), str(camera.name)): stamp_nanoseconds(
                camera.header.stamp
            )
            for camera in message.cameras
        }
        # A picture that has no stamp is found by its arrival.
        stamps = {name: stamp for name, stamp in stamps.items() if stamp}
        state = stamp_nanoseconds(message.joint_state_stamp)
        if state:
            stamps[STATE] = state
        look = None
        if message.valid and message.method in METHODS:
            step = _step(int(message.denoising_step))
            look = RecordedLook(message.method, message.layer, message.head, message.query, step)
        elif message.valid and message.method in CONTRIBUTIONS:
            compared = f"{message.baseline} {message.points}"
            look = RecordedLook(message.method, message.layer, message.target, compared)
        if look is not None:
            # One tuple for all ticks that have the same.
            look = self._looks.setdefault(look, look)
        tick, source = int(message.tick), int(message.command_source_tick)
        first = int(message.first_executed_tick)
        self.policies.add(str(message.policy_sha256))
        self.modes.add(str(message.chunk_mode))
        self.ticks.append(
            RecordedTick(
                episode=int(message.episode),
                tick=tick,
                stamps=stamps,
                stamp_ns=stamp_nanoseconds(message.header.stamp),
                received_ns=received_ns,
                source_tick=source,
                chunk_executed=bool(message.chunk_executed),
                look=look,
                first_executed_tick=first,
                # Else a tick that names itself has the pass that made its command, at once.
                dry=source == tick and (first > tick or bool(message.inference_skipped)),
                instruction=self._names.setdefault(*[str(message.instruction)] * 2),
            )
        )

    def put_in_order(self) -> None:
        """Bring all that were taken into the order of their ticks: a map may be late."""
        arrived = (Arrived(one.tick, one.stamp_ns, one.received_ns) for one in self.ticks)
        self.ticks = [
            replace(self.ticks[placed.place], received_ns=placed.ran_by_ns)
            for placed in in_tick_order(arrived)
        ]


def computed_ahead(ticks: Iterable[RecordedTick]) -> bool:
    """Whether the live run computed chunks beside the commands: `execution: async`."""
    return any(tick.first_executed_tick > tick.tick for tick in ticks)


def first_look(ticks: Iterable[RecordedTick]) -> RecordedLook | None:
    """The first that a map tells of."""
    return next((tick.look for tick in ticks if tick.look is not None), None)


def selection_of(
    look: RecordedLook, policy: Policy, joints: Sequence[str] = ()
) -> Selection | ShownContribution | InReserve:
    """The selection whose labels these are.

    Args:
        look: the labels.
        policy: that is to show it.
        joints: the names of an action's joints.

    Raises:
        ReplayError: they do not fit this policy.
    """
    method, layer, head, query, step = look
    spec = policy.spec
    if method in CONTRIBUTIONS:
        baseline, points = query.rsplit(" ", 1)
        cell = layer.partition("/")[2]
        known = baseline if baseline in CONTRIBUTION_BASELINES else USUAL_BASELINE
        return contribution_of(
            *(method, head, policy, joints),
            baseline=known,
            points=int(points),
            cell=int(cell) if cell.isdecimal() else CELL,
        )
    stack = stack_of(method, spec)
    found = stack and re.search(re.escape(stack.prefix) + r"(\d+)", layer)
    place = stack.layer_numbered(int(found[1])) if stack and found else -1
    span = re.fullmatch(r"mean\((\d+):(\d+)\)", query)
    queries = f"{span[1]}:{span[2]}" if span else query
    try:
        return make_selection(method, place, head, queries, spec, step)
    except AttentionError as error:
        raise ReplayError(
            f"the recorded maps show {', '.join(look)}, which this policy has not ({error}): name "
            "what to show with --method, --layer, --head, --query and --step"
        ) from error


def _step(denoising_step: int) -> str:
    """As make_selection takes it."""
    if denoising_step == MEAN_OF_STEPS:
        return MEAN
    return LAST if denoising_step == NO_STEP else str(denoising_step)


def contribution_of(
    method: str,
    target: str,
    policy: Policy,
    joints: Sequence[str],
    *,
    baseline: str = USUAL_BASELINE,
    points: int = 1,
    cell: int = CELL,
) -> ShownContribution | InReserve:
    """Contributions, or attention where the policy gives none.

    Raises:
        ReplayError: the policy has no such target, or no attention.
    """
    try:
        request = ContributionRequest(
            method=method,
            target=parse_target(target, joints, policy.spec.chunk_size),
            baseline=baseline,
            points=points,
            cell=cell,
            joints=tuple(joints),
        )
        return show_contribution(policy, request, policy.spec)
    except AttentionError as error:
        raise ReplayError(str(error)) from error
