# SPDX-License-Identifier: Apache-2.0
"""What an export is asked to do; plain values, so that it can be sent to another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pam_ros.robot.topics import NODE

CODECS = ("libsvtav1", "h264")
"""Of lerobot's codecs, those whose videos it reads: of hevc it does not find each picture."""
CRF = 30
ANNOTATIONS = f"{NODE}/annotate"


@dataclass(frozen=True)
class ExportSettings:
    """As the options of `pam_ros export lerobot`.

    Attributes:
        contract: path of the robot's contract.
        fps: frames per second, and observations by stamps at this rate; 0: the contract's.
        task: text of every episode; empty: as the recording says.
        without_command: what becomes of an observation that no command followed.
        pictures: "source": turned and cut, at the camera's size; "contract": resized as well.
        images: store pictures without loss, as PNG, instead of as video.
        codec: of the videos, one of CODECS.
        crf: constant quality of the videos; lower is better.
        node: full name of the attention node in the recording.
        annotations: the topic that people mark episodes on.
        ignore_maps: recorded maps do not choose the observations.
        remaps: topics of the recording by those of the contract.
    """

    contract: str
    fps: int = 0
    task: str = ""
    without_command: Literal["drop", "repeat"] = "drop"
    pictures: Literal["source", "contract"] = "source"
    images: bool = False
    codec: str = CODECS[0]
    crf: int = CRF
    node: str = NODE
    annotations: str = ANNOTATIONS
    ignore_maps: bool = False
    remaps: dict[str, str] = field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """What decides the result, for telling whether a stopped export is this one."""
        return asdict(self)
