# SPDX-License-Identifier: Apache-2.0
"""What a replay is asked to do; plain values, so that it can be sent to another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pam_ros.robot.topics import NODE


@dataclass(frozen=True)
class ReplaySettings:
    """As the options of `pam_ros replay`.

    method, layer, head, query: what maps show; an empty method means as recorded, else as the node
    has it by default. rate_hz: ticks by stamps at this rate; 0: recorded maps or the contract say.
    ignore_maps: recorded maps do not choose the ticks. copy_topics: the recording's own topics come
    into the new bag, so that it can be looked at by itself.
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
    rate_hz: float = 0.0
    ignore_maps: bool = False
    overlays: bool = False
    copy_topics: bool = True
    n_action_steps: int = 0
    temporal_ensemble_coeff: float | None = None
    storage: Literal["mcap", "sqlite3"] = "mcap"
    compression: Literal["none", "zstd"] = "none"
    node: str = NODE
    remaps: dict[str, str] = field(default_factory=dict)
    episodes: str = ""
    part_seconds: float = 20.0

    def identity(self) -> dict[str, Any]:
        """What decides the result, for telling whether a stopped replay is this one."""
        told = asdict(self)
        for name in ("device", "threads", "batch", "part_seconds"):
            del told[name]
        return told
