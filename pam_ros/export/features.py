# SPDX-License-Identifier: Apache-2.0
"""What a dataset's columns are, and a frame as one of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.observations.stamp_columns import STAMP, stamp_pair
from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.export.frames import Frame
    from pam_ros.robot.contract import Contract

ACTION = "action"
COMMAND = "command"
"""`stamp.command`: when the command was recorded."""


def picture_sizes(contract: Contract, frame: Frame) -> dict[str, tuple[int, int]]:
    """Height and width [pixels] of each camera's pictures, by feature."""
    shapes = {c.feature: frame.observation[c.feature].shape for c in contract.cameras}
    return {feature: (shape[0], shape[1]) for feature, shape in shapes.items()}


def features_of(contract: Contract, frame: Frame, *, images: bool) -> dict[str, dict[str, Any]]:
    """The dataset's features, as LeRobotDataset.create takes them.

    Args:
        contract: of the recording.
        frame: one of its frames.
        images: pictures are stored as PNG; else as video.
    """
    found: dict[str, dict[str, Any]] = {}
    for feature, (height, width) in picture_sizes(contract, frame).items():
        found[feature] = {
            "dtype": "image" if images else "video",
            "shape": (height, width, 3),
            "names": ["height", "width", "channels"],
        }
    state = contract.state
    if state.feature is not None:
        found[state.feature] = _vector([joint.label for joint in state.joints])
    if contract.environment is not None:
        size = len(frame.observation[contract.environment.feature])
        found[contract.environment.feature] = _vector([str(place) for place in range(size)])
    found[ACTION] = _vector(list(contract.command.labels))
    sources = [source.name for source in contract_sources(contract) if source.has_header]
    for source in (*sources, COMMAND):
        found[STAMP + source] = {"dtype": "int64", "shape": (2,), "names": ["sec", "nanosec"]}
    return found


def row_of(frame: Frame) -> dict[str, Any]:
    """The frame, as LeRobotDataset.add_frame takes one."""
    return {**frame.observation, **numbers_of(frame), "task": frame.task}


def numbers_of(frame: Frame) -> dict[str, NDArray[Any]]:
    """The frame's vectors: what is to be read back to the bit."""
    stamps = {**frame.stamps, COMMAND: frame.command.received_ns}
    vectors = {name: value for name, value in frame.observation.items() if value.ndim == 1}
    return {
        **vectors,
        ACTION: frame.command.action,
        **{STAMP + source: stamp_pair(stamp) for source, stamp in stamps.items()},
    }


def same_sizes(
    sizes: Mapping[str, tuple[int, int]], others: Mapping[str, tuple[int, int]]
) -> str | None:
    """The first feature whose pictures differ in size; None if all agree."""
    return next((name for name, size in sizes.items() if others.get(name) != size), None)


def _vector(names: Sequence[str]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": (len(names),), "names": list(names)}
