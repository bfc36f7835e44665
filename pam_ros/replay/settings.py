# SPDX-License-Identifier: Apache-2.0
"""What a replay is asked to do; plain values, so that it can be sent to another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pam_ros.attention.selection import LAST
from pam_ros.bags.metadata import VERSION
from pam_ros.observations.reading import Reading
from pam_ros.robot.topics import NODE


@dataclass(frozen=True)
class ReplaySettings:
    """As the options of `pam_ros replay`.

    method, layer, head, query, step, target: what maps show; no method: as recorded, else as the
    node has it by default. targets: further ones, of contributions, on topics of their own.
    rate_hz: ticks by stamps at this rate; 0: recorded maps or the contract say.
    remaps, rename, contract, episodes: see Reading.
    instruction: to a policy that reads words; empty: what the recording says at each tick.
    ignore_maps: recorded maps do not choose the ticks. copy_topics: the recording's own topics come
    into the new bag, so that it can be looked at by itself. metadata_version: of the new bag.
    """

    policy: str
    contract: str = ""
    sae: str = ""
    device: str = "auto"
    threads: int = 0
    batch: int = 8
    method: str = ""
    layer: int = -1
    head: str = "mean"
    query: str = "mean"
    step: str = LAST
    target: str = "chunk"
    targets: tuple[str, ...] = ()
    instruction: str = ""
    rate_hz: float = 0.0
    ignore_maps: bool = False
    overlays: bool = False
    copy_topics: bool = True
    n_action_steps: int = 0
    temporal_ensemble_coeff: float | None = None
    storage: Literal["mcap", "sqlite3"] = "mcap"
    compression: Literal["none", "zstd"] = "none"
    metadata_version: int = VERSION
    node: str = NODE
    remaps: dict[str, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    episodes: str = ""
    part_seconds: float = 20.0

    @property
    def reading(self) -> Reading:
        """What of the recording feeds the policy."""
        return Reading(self.contract, self.remaps, self.rename, self.rate_hz, self.episodes)

    def identity(self) -> dict[str, Any]:
        """What decides the result, for telling whether a stopped replay is this one."""
        told = asdict(self)
        for name in ("device", "threads", "batch", "part_seconds"):
            del told[name]
        if not self.rename:
            # Replays that were begun before there was this option are the same without it.
            del told["rename"]
        if self.step == LAST:
            del told["step"]  # as of rename
        if self.target == "chunk":
            del told["target"]  # as of rename
        if not self.instruction:
            del told["instruction"]  # as of rename
        if self.targets:
            told["targets"] = list(self.targets)  # as JSON gives it back
        else:
            del told["targets"]
        return told
