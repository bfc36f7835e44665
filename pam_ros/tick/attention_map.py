# SPDX-License-Identifier: Apache-2.0
"""A tick as an AttentionMap, the same in the live node and in the replay of a recording."""

from __future__ import annotations

import array
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.regions import Grid
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.sync import ENVIRONMENT, STATE

if TYPE_CHECKING:
    from pam_ros.attention.maps import AttentionMaps, CameraMap
    from pam_ros.message_types.pam_ros import AttentionMap, CameraAttention
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.regions import SourceRegion
    from pam_ros.tick.explained import ExplainedTick
    from pam_ros.tick.loop import TickOutcome
    from pam_ros.tick.port import MessagePort

ATTENTION_MAP = "pam_ros/msg/AttentionMap"
CAMERA_ATTENTION = "pam_ros/msg/CameraAttention"
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
        self._policy_name = short_name(spec.name)

    def make(self, tick: ExplainedTick) -> Any:
        """The message of one tick; without maps it says why there are none."""
        message: AttentionMap = self._port.new(ATTENTION_MAP)
        self._set_stamps(message, tick)
        self._set_outcome(message, tick.outcome)
        message.valid = tick.maps is not None
        if tick.maps is None:
            message.completeness_error = NAN
            message.latent_share = message.joint_state_share = message.environment_share = NAN
            message.entropy = message.total = NAN
        else:
            _set_maps(message, tick.maps)
        shown = () if tick.maps is None else tick.maps.cameras
        by_feature = {camera.feature: camera for camera in shown}
        message.cameras = [
            self._camera(camera, tick, by_feature.get(camera.feature))
            for camera in self._contract.cameras
        ]
        return message

    def _set_stamps(self, message: AttentionMap, tick: ExplainedTick) -> None:
        inputs = tick.inputs
        # An environment state has no header.
        stamped = [source for source in inputs.stamps if source != ENVIRONMENT]
        newest = max(stamped, key=lambda source: inputs.stamps[source])
        set_stamp(message.header.stamp, inputs.stamp_ns)
        message.header.frame_id = inputs.messages[newest].header.frame_id
        if self._spec.state_feature is not None:
            set_stamp(message.joint_state_stamp, inputs.stamps[STATE])

    def _set_outcome(self, message: AttentionMap, outcome: TickOutcome) -> None:
        message.episode = outcome.episode
        message.tick = outcome.tick
        message.policy_name = self._policy_name
        message.policy_sha256 = self._spec.sha256
        message.chunk_mode = self._spec.chunk_mode
        message.chunk_executed = outcome.chunk_executed
        message.command_source_tick = outcome.command_source_tick
        message.invalid_reason = outcome.invalid_reason
        message.inference_skipped = outcome.inference_skipped
        if outcome.output is not None:
            message.forward_seconds = outcome.output.forward_seconds

    def _camera(
        self, camera: CameraContract, tick: ExplainedTick, camera_map: CameraMap | None
    ) -> CameraAttention:
        message: CameraAttention = self._port.new(CAMERA_ATTENTION)
        message.name = camera.name
        message.header = tick.inputs.messages[camera.name].header
        height, width = tick.observation.sources[camera.name].shape[:2]
        message.image_height, message.image_width = height, width
        if camera_map is None:
            message.share = NAN
            return message
        grid = source_grid(camera_map, tick.observation.regions[camera.name])
        message.x0, message.y0, message.dx, message.dy = grid
        message.rows, message.cols = camera_map.cells.shape
        cells = np.ascontiguousarray(camera_map.cells, dtype=np.float32)
        message.cells = array.array("f", cells.tobytes())
        message.share = camera_map.share
        message.peak_row, message.peak_col = camera_map.peak
        return message


def short_name(name: str) -> str:
    """A policy's name for people: the folder's own name, or the hub id as it is."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def source_grid(camera_map: CameraMap, region: SourceRegion) -> Grid:
    """The cells of a map in pixels of the camera's source image."""
    return region.grid_in_source(Grid(camera_map.x0, camera_map.y0, camera_map.dx, camera_map.dy))


def _set_maps(message: AttentionMap, maps: AttentionMaps) -> None:
    message.method, message.layer = maps.method, maps.layer
    message.head, message.query, message.target = maps.head, maps.query, maps.target
    message.completeness_error = maps.completeness_error
    message.latent_share = maps.latent_share
    message.joint_state_share = maps.joint_state_share
    message.environment_share = maps.environment_share
    message.entropy, message.total = maps.entropy, maps.total
    message.head_entropy = array.array("f", maps.head_entropy)
    message.head_latent_share = array.array("f", maps.head_latent_share)
