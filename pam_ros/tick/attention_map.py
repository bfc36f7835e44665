# SPDX-License-Identifier: Apache-2.0
"""A tick as an AttentionMap, the same in the live node and in the replay of a recording."""

from __future__ import annotations

import array
import math
from collections import Counter
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.maps import NO_STEP, Missing
from pam_ros.robot.regions import Grid, cells_in_source
from pam_ros.robot.sources import STATE, headless_sources
from pam_ros.robot.stamps import set_stamp, stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.attention.maps import AttentionMaps, CameraMap, GroupMass
    from pam_ros.message_types.pam_ros import AttentionMap, CameraAttention, TokenGroup
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.regions import SourceCells, SourceRegion
    from pam_ros.tick.explained import ExplainedTick
    from pam_ros.tick.loop import TickOutcome
    from pam_ros.tick.port import MessagePort

ATTENTION_MAP = "pam_ros/msg/AttentionMap"
CAMERA_ATTENTION = "pam_ros/msg/CameraAttention"
GROUP = "pam_ros/msg/TokenGroup"
NAN = math.nan


class AttentionMapMaker:
    """Makes the AttentionMaps of one policy on one robot.

    Args:
        port: makes empty messages.
        spec: of the policy.
        contract: bound to the policy.
    """

    def __init__(self, port: MessagePort, spec: PolicySpec, contract: Contract) -> None:
        self._port = port
        self._spec = spec
        self._contract = contract
        self._headless = headless_sources(contract)
        self._policy_name = short_name(spec.name)

    def make(self, tick: ExplainedTick) -> Any:
        """The message of one tick; without maps it says why there are none."""
        message: AttentionMap = self._port.new(ATTENTION_MAP)
        self._set_stamps(message, tick)
        self._set_outcome(message, tick.outcome)
        message.method_asked, message.method_reason = tick.method_asked, tick.method_reason
        message.instruction = tick.instruction
        message.valid = tick.maps is not None
        if tick.maps is None:
            message.denoising_step = NO_STEP
            message.completeness_error = NAN
            message.latent_share = message.joint_state_share = message.environment_share = NAN
            message.entropy = message.total = NAN
        else:
            _set_maps(message, tick.maps)
            message.groups = self._groups(tick.maps.groups)
        shown = () if tick.maps is None else tick.maps.cameras
        by_feature = {camera.feature: camera for camera in shown}
        message.cameras = [
            self._camera(camera, tick, by_feature.get(camera.feature))
            for camera in self._contract.cameras
        ]
        return message

    def _set_stamps(self, message: AttentionMap, tick: ExplainedTick) -> None:
        inputs = tick.inputs
        # An environment state has no header, nor have some kinds of state.
        headed = [source for source in inputs.stamps if source not in self._headless]
        set_stamp(message.header.stamp, inputs.stamp_ns)
        if headed:
            newest = max(headed, key=lambda source: inputs.stamps[source])
            message.header.frame_id = inputs.messages[newest].header.frame_id
        if self._spec.state_feature is not None and STATE not in self._headless:
            # Its own, as the cameras' headers are: by these a replay finds the messages.
            own = stamp_nanoseconds(inputs.messages[STATE].header.stamp)
            set_stamp(message.joint_state_stamp, own)

    def _set_outcome(self, message: AttentionMap, outcome: TickOutcome) -> None:
        message.episode = outcome.episode
        message.tick = outcome.tick
        message.policy_name = self._policy_name
        message.policy_sha256 = self._spec.sha256
        message.chunk_mode = self._spec.chunk_mode
        message.chunk_executed = outcome.chunk_executed
        message.command_source_tick = outcome.command_source_tick
        message.denoising_steps = self._spec.denoising_steps
        message.first_executed_tick = outcome.first_executed_tick
        message.invalid_reason = outcome.invalid_reason
        message.inference_skipped = outcome.inference_skipped
        if outcome.output is not None:
            message.forward_seconds = outcome.output.forward_seconds
            message.noise_seed = outcome.output.noise_seed

    def _camera(
        self, camera: CameraContract, tick: ExplainedTick, camera_map: CameraMap | None
    ) -> CameraAttention:
        message: CameraAttention = self._port.new(CAMERA_ATTENTION)
        message.name = camera.name
        message.header = tick.inputs.messages[camera.name].header
        height, width = tick.observation.sources[camera.name].shape[:2]
        message.image_height, message.image_width = height, width
        if camera_map is None:
            message.share = message.contribution = message.part_share = NAN
            return message
        found = source_cells(camera_map, tick.observation.regions[camera.name])
        message.x0, message.y0, message.dx, message.dy = found.grid
        message.rows, message.cols = found.cells.shape
        message.cells = _floats(found.cells)
        message.share = camera_map.share
        message.peak_row, message.peak_col = found.peak
        if found.signed is not None:
            message.signed_cells = _floats(found.signed)
        message.contribution = camera_map.contribution
        message.part_share = camera_map.part_share
        message.rotate, message.padding_share = camera.rotate, found.padding_share
        message.first_row, message.first_col = found.first
        return message

    def _groups(self, groups: Sequence[GroupMass]) -> list[TokenGroup]:
        return [
            self._group(name, group)
            for name, group in zip(group_names(groups), groups, strict=True)
        ]

    def _group(self, name: str, group: GroupMass) -> TokenGroup:
        message: TokenGroup = self._port.new(GROUP)
        message.name, message.kind = name, group.kind
        message.share, message.mass = group.share, _floats(group.mass)
        message.labels = list(group.labels)
        message.contribution = group.contribution
        return message


def further_message(
    maker: AttentionMapMaker, tick: ExplainedTick, found: AttentionMaps | Missing
) -> Any:
    """The message of a further target of a tick: as the tick's own, with this map or its reason."""
    if isinstance(found, Missing):
        outcome = tick.outcome.made_invalid(found.reason)
        message = maker.make(replace(tick, outcome=outcome, maps=None))
        message.target = found.target
        return message
    return maker.make(replace(tick, maps=found))


def group_names(groups: Sequence[GroupMass]) -> Iterator[str]:
    """A name for each: its kind, numbered from 0 if there are several of it."""
    several = Counter(group.kind for group in groups)
    before: Counter[str] = Counter()
    for group in groups:
        number = f" {before[group.kind]}" if several[group.kind] > 1 else ""
        before[group.kind] += 1
        yield f"{group.kind}{number}"


def short_name(name: str) -> str:
    """A policy's name for people: the folder's own name, or the hub id as it is."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def source_cells(camera_map: CameraMap, region: SourceRegion) -> SourceCells:
    """The cells of a map on the camera's source image, turned back and without padding."""
    grid = Grid(camera_map.x0, camera_map.y0, camera_map.dx, camera_map.dy)
    return cells_in_source(camera_map.cells, camera_map.peak, grid, region, camera_map.signed)


def cell_in_message(camera: CameraAttention, row: int, col: int) -> tuple[int, int] | None:
    """Row and column, among a CameraAttention's cells, of a cell of the policy's own grid.

    None for one in the padding. Tokens, and the peaks of features, are named by the policy's grid.
    """
    row, col = row - int(camera.first_row), col - int(camera.first_col)
    last_row, last_col = int(camera.rows) - 1, int(camera.cols) - 1
    turned = {
        0: (row, col),
        90: (last_row - col, row),
        180: (last_row - row, last_col - col),
        270: (col, last_col - row),
    }
    found = turned.get(int(camera.rotate), (row, col))
    return found if 0 <= found[0] <= last_row and 0 <= found[1] <= last_col else None


def _set_maps(message: AttentionMap, maps: AttentionMaps) -> None:
    message.method, message.layer = maps.method, maps.layer
    message.head, message.query, message.target = maps.head, maps.query, maps.target
    message.denoising_step = maps.denoising_step
    message.unit, message.baseline, message.points = maps.unit, maps.baseline, maps.points
    message.explained_by = maps.explained_by
    message.completeness_error = maps.completeness_error
    message.latent_share = maps.latent_share
    message.joint_state_share = maps.joint_state_share
    message.environment_share = maps.environment_share
    message.entropy, message.total = maps.entropy, maps.total
    message.head_entropy = array.array("f", maps.head_entropy)
    message.head_latent_share = array.array("f", maps.head_latent_share)


def _floats(values: NDArray[np.float32]) -> array.array[float]:
    return array.array("f", np.ascontiguousarray(values, dtype=np.float32).tobytes())
