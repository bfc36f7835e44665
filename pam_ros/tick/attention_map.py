# SPDX-License-Identifier: Apache-2.0
"""What one tick puts into its messages. Messages are duck-typed: the caller makes them.

The live node and the replay of a recording run this same code.
"""

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
    from collections.abc import Callable

    from pam_ros.attention.maps import AttentionMaps, CameraMap
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import CameraContract, Contract
    from pam_ros.robot.observation import Observation
    from pam_ros.robot.regions import SourceRegion
    from pam_ros.robot.sync import ObservationSet
    from pam_ros.tick.loop import TickOutcome

NAN = math.nan


def short_name(name: str) -> str:
    """A policy's name for people: the folder's own name, or the hub id as it is."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def source_grid(camera_map: CameraMap, region: SourceRegion) -> Grid:
    """The cells of a map in pixels of the camera's source image."""
    return region.grid_in_source(Grid(camera_map.x0, camera_map.y0, camera_map.dx, camera_map.dy))


def fill_attention_map(
    message: Any,
    make_camera: Callable[[], Any],
    outcome: TickOutcome,
    spec: PolicySpec,
    contract: Contract,
    messages: ObservationSet,
    observation: Observation,
    maps: AttentionMaps | None,
) -> None:
    """Fill the AttentionMap of one tick; without maps it says why there are none.

    Args:
        message: an empty pam_ros/msg/AttentionMap.
        make_camera: gives empty pam_ros/msg/CameraAttention.
        outcome: of the tick.
        spec: of the policy.
        contract: bound to the policy.
        messages: the set that the tick looked at.
        observation: what was made of it.
        maps: of the tick's forward pass.
    """
    # An environment state has no header.
    stamped = [source for source in messages.stamps if source != ENVIRONMENT]
    newest = max(stamped, key=lambda source: messages.stamps[source])
    set_stamp(message.header.stamp, messages.stamp_ns)
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
        set_stamp(message.joint_state_stamp, messages.stamps[STATE])
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
    cameras = []
    for camera in contract.cameras:
        entry = make_camera()
        _fill_camera(entry, camera, messages, observation, by_feature.get(camera.feature))
        cameras.append(entry)
    message.cameras = cameras


def _fill_camera(
    message: Any,
    camera: CameraContract,
    messages: ObservationSet,
    observation: Observation,
    camera_map: CameraMap | None,
) -> None:
    message.name = camera.name
    message.header = messages.messages[camera.name].header
    message.image_height, message.image_width = observation.sources[camera.name].shape[:2]
    if camera_map is None:
        message.share = NAN
        return
    grid = source_grid(camera_map, observation.regions[camera.name])
    message.x0, message.y0, message.dx, message.dy = grid
    message.rows, message.cols = camera_map.cells.shape
    cells = np.ascontiguousarray(camera_map.cells, dtype=np.float32)
    message.cells = array.array("f", cells.tobytes())
    message.share = camera_map.share
    message.peak_row, message.peak_col = camera_map.peak
