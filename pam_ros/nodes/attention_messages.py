# SPDX-License-Identifier: Apache-2.0
"""A tick's outcome and maps as an AttentionMap message."""

from __future__ import annotations

import array
import math
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from builtin_interfaces.msg import Time

from pam_ros.attention.geometry import Grid, Placement
from pam_ros.msg import AttentionMap, CameraAttention
from pam_ros.robot.sync import STATE, ObservationSet

if TYPE_CHECKING:
    from pam_ros.attention.maps import AttentionMaps, CameraMap
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.images import SourceRegion
    from pam_ros.robot.observation import Observation
    from pam_ros.tick import TickOutcome

NAN = math.nan
_SECOND = 1_000_000_000


def stamp_message(nanoseconds: int) -> Time:
    """A time in nanoseconds as a message."""
    return Time(sec=nanoseconds // _SECOND, nanosec=nanoseconds % _SECOND)


def stamp_nanoseconds(stamp: Time) -> int:
    """A message's stamp in nanoseconds."""
    return int(stamp.sec) * _SECOND + int(stamp.nanosec)


def short_name(name: str) -> str:
    """A policy's name for people: the folder's own name, or the hub id as it is."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def source_grid(camera_map: CameraMap, region: SourceRegion) -> Grid:
    """The cells of a map in pixels of the camera's source image."""
    placement = Placement(**vars(region))
    return placement.grid_in_source(
        Grid(camera_map.x0, camera_map.y0, camera_map.dx, camera_map.dy)
    )


def attention_message(
    outcome: TickOutcome,
    spec: PolicySpec,
    contract: Contract,
    messages: ObservationSet,
    observation: Observation,
    maps: AttentionMaps | None,
) -> AttentionMap:
    """The message of one tick; without maps it says why there are none."""
    message = AttentionMap()
    newest = max(messages.stamps, key=lambda source: messages.stamps[source])
    message.header.stamp = stamp_message(messages.stamp_ns)
    message.header.frame_id = messages.messages[newest].header.frame_id
    message.episode = outcome.episode
    message.tick = outcome.tick
    message.policy_name = short_name(spec.name)
    message.policy_sha256 = spec.sha256
    message.chunk_mode = spec.chunk_mode
    message.chunk_executed = outcome.chunk_executed
    message.command_source_tick = outcome.command_source_tick
    message.valid = maps is not None
    message.invalid_reason = outcome.invalid_reason
    message.inference_skipped = outcome.inference_skipped
    if spec.state_feature is not None:
        message.joint_state_stamp = stamp_message(messages.stamps[STATE])
    message.completeness_error = NAN if maps is None else maps.completeness_error
    if outcome.output is not None:
        message.forward_seconds = outcome.output.forward_seconds
    if maps is None:
        message.latent_share = message.joint_state_share = message.environment_share = NAN
        message.entropy = message.total = NAN
    else:
        message.method, message.layer = maps.method, maps.layer
        message.head, message.query, message.target = maps.head, maps.query, maps.target
        message.latent_share = maps.latent_share
        message.joint_state_share = maps.joint_state_share
        message.environment_share = maps.environment_share
        message.entropy, message.total = maps.entropy, maps.total
        message.head_entropy = array.array("f", maps.head_entropy)
        message.head_latent_share = array.array("f", maps.head_latent_share)
    by_feature = {} if maps is None else {camera.feature: camera for camera in maps.cameras}
    message.cameras = [
        _camera_message(camera, messages, observation, by_feature.get(camera.feature))
        for camera in contract.cameras
    ]
    return message


def _camera_message(
    camera: CameraContract,
    messages: ObservationSet,
    observation: Observation,
    camera_map: CameraMap | None,
) -> CameraAttention:
    message = CameraAttention(name=camera.name)
    message.header = messages.messages[camera.name].header
    message.image_height, message.image_width = observation.sources[camera.name].shape[:2]
    if camera_map is None:
        message.share = NAN
        return message
    grid = source_grid(camera_map, observation.regions[camera.name])
    message.x0, message.y0, message.dx, message.dy = grid
    message.rows, message.cols = camera_map.cells.shape
    cells = np.ascontiguousarray(camera_map.cells, dtype=np.float32)
    message.cells = array.array("f", cells.tobytes())
    message.share = camera_map.share
    message.peak_row, message.peak_col = camera_map.peak
    return message
