# SPDX-License-Identifier: Apache-2.0
"""A tick's outcome and maps as an AttentionMap message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time

from pam_ros.msg import AttentionMap, CameraAttention
from pam_ros.robot.stamps import set_stamp
from pam_ros.tick.attention_map import fill_attention_map

if TYPE_CHECKING:
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.observation import Observation
    from pam_ros.robot.sync import ObservationSet
    from pam_ros.tick.loop import TickOutcome


def stamp_message(nanoseconds: int) -> Time:
    """A time in nanoseconds as a message."""
    stamp = Time()
    set_stamp(stamp, nanoseconds)
    return stamp


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
    fill_attention_map(
        message, CameraAttention, outcome, spec, contract, messages, observation, maps
    )
    return message
