# SPDX-License-Identifier: Apache-2.0
"""Maps of further targets in a recording: what moved which joint, tick by tick."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.report.heat import PackedHeat, pack
from pam_ros.show.report.held import shown_maps
from pam_ros.show.report.looks import looks
from pam_ros.show.report.numbers import numbers
from pam_ros.show.report.tick import cameras_of, of_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.show.report.tick import Tick


@dataclass(frozen=True, eq=False)
class FurtherMaps:
    """A target by its label, and for each tick of the recording its map; no cameras if none."""

    target: str
    ticks: tuple[Tick, ...]


def further_maps(ticks: Sequence[Tick], topics: dict[str, list[AttentionMap]]) -> list[FurtherMaps]:
    """Of each topic that has a map for one of these ticks, in the topics' order.

    A map belongs to the tick whose observation it explains, by its stamp and its number.
    """
    found = []
    for _, messages in sorted(topics.items()):
        maps = {_key(message): message for message in messages if message.valid}
        of_ticks = [maps.get(_key(tick.message)) for tick in ticks]
        target = next((str(message.target) for message in of_ticks if message is not None), "")
        if target:
            own = tuple(map(_with, ticks, of_ticks))
            found.append(FurtherMaps(target, own))
    return found


def common_target(ticks: Sequence[Tick]) -> str:
    """The target of the ticks' own maps if it is one for all; empty for attention."""
    targets = {str(tick.message.target) for tick in ticks if tick.message.valid}
    return targets.pop() if len(targets) == 1 else ""


def pack_further(found: Sequence[FurtherMaps], begin: int) -> list[PackedHeat]:
    """Their cells, one after the other from this byte on."""
    packed = []
    for one in found:
        packed.append(pack(one.ticks, begin))
        begin += len(packed[-1].cells)
    return packed


def targets_payload(
    found: Sequence[FurtherMaps], packed: Sequence[PackedHeat], cameras: Sequence[str]
) -> list[dict[str, Any]]:
    """What the page is told of each, as of the ticks' own maps."""
    return [
        {
            "target": one.target,
            "units": numbers(heat.units, 6),
            "scales": numbers(heat.full_scales, 6),
            "maps": shown_maps(one.ticks),
            "looks": looks(one.ticks),
            "grids": {name: [vars(grid) for grid in heat.grids.get(name, ())] for name in cameras},
            "shares": {
                name: numbers([_share(tick, name) for tick in one.ticks]) for name in cameras
            },
            "state": numbers([_state(tick) for tick in one.ticks]),
        }
        for one, heat in zip(found, packed, strict=True)
    ]


def _key(message: AttentionMap) -> tuple[int, int]:
    return stamp_nanoseconds(message.header.stamp), int(message.tick)


def _with(tick: Tick, message: AttentionMap | None) -> Tick:
    """The tick with this map in place of its own."""
    if message is None:
        return replace(tick, cameras=())
    return replace(tick, message=message, cameras=cameras_of(message))


def _share(tick: Tick, camera: str) -> float:
    return next((seen.share for seen in tick.cameras if seen.name == camera), float("nan"))


def _state(tick: Tick) -> float:
    return of_map(tick, float(tick.message.joint_state_share)) if tick.cameras else float("nan")
