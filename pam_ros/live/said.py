# SPDX-License-Identifier: Apache-2.0
"""What messages say, as the page shows it: plain values for JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.overlay import COLORMAPS
from pam_ros.show.groups import camera_share, shares

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pam_ros.message_types.builtin_interfaces import Time
    from pam_ros.message_types.diagnostic_msgs import DiagnosticStatus
    from pam_ros.message_types.pam_ros import AttentionMap
    from pam_ros.message_types.trajectory_msgs import JointTrajectory

CAN_SHOW = "can_show"
"""The value on /diagnostics that says what a node can be asked to show."""
_PLAN_POINTS = 50
"""A page draws no more steps of a chunk."""


def seconds(stamp: Time) -> float:
    """A stamp [s]."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def tick_said(message: AttentionMap) -> dict[str, Any]:
    """What a tick shows: what its map is of, and who has how much of it.

    Shares are those of the report; NaN where there is none.
    """
    return {
        "stamp": seconds(message.header.stamp),
        "tick": int(message.tick),
        "episode": int(message.episode),
        "policy": message.policy_name,
        "valid": bool(message.valid),
        "reason": message.invalid_reason,
        "method": message.method,
        "asked": message.method_asked,
        "why": message.method_reason,
        "layer": message.layer,
        "head": message.head,
        "query": message.query,
        "target": message.target,
        "unit": message.unit,
        "instruction": message.instruction,
        "cameras": {camera.name: camera_share(message, camera) for camera in message.cameras},
        "groups": shares(message),
        "entropy": float(message.entropy),
        "heads": [float(value) for value in message.head_entropy],
        "forward": float(message.forward_seconds),
        "words": [
            {"labels": list(group.labels), "mass": [float(value) for value in group.mass]}
            for group in message.groups
            if len(group.labels) and len(group.labels) == len(group.mass)
        ],
    }


def plan_said(message: JointTrajectory) -> dict[str, Any]:
    """A chunk: for each joint its position at each of at most _PLAN_POINTS steps [s after]."""
    points = message.points
    step = max(1, -(-len(points) // _PLAN_POINTS))
    shown = points[::step]
    return {
        "stamp": seconds(message.header.stamp),
        "joints": list(message.joint_names),
        "after": [seconds(point.time_from_start) for point in shown],
        "steps": len(points),
        "positions": [[float(value) for value in point.positions] for point in shown],
    }


def numbers_said(role: str, names: Iterable[str], values: Iterable[float]) -> dict[str, Any] | None:
    """Numbers of a command or of a state, by joint; None where there are none.

    Where joints have no names they are numbered.
    """
    found = [float(value) for value in values]
    named = [str(name) for name in names] or [f"value {k}" for k in range(len(found))]
    if not found or len(named) != len(found):
        return None
    return {"role": role, "joints": named, "values": found}


def names_and_values(message: Any) -> tuple[Iterable[str], Iterable[float]]:
    """Of a JointTrajectory (its first point), a JointState (positions) or a Float64MultiArray."""
    if hasattr(message, "points"):
        first = message.points[0].positions if message.points else ()
        return message.joint_names, first
    if hasattr(message, "position"):
        return message.name, message.position
    return (), message.data


def diagnostics_said(status: DiagnosticStatus) -> dict[str, Any]:
    """A status of /diagnostics: how it is, a sentence, and every value."""
    level = status.level
    values = {pair.key: pair.value for pair in status.values}
    offered = values.pop(CAN_SHOW, "")
    return {
        "level": level[0] if isinstance(level, bytes) else int(level),
        "message": status.message,
        "values": values,
        "offered": json.loads(offered) if offered else None,
    }


def colours(name: str) -> list[int]:
    """A colour map of OpenCV as 256 times red, green and blue; empty where there is none."""
    if name not in COLORMAPS:
        return []
    code = getattr(cv2, f"COLORMAP_{name.upper()}")
    levels = np.arange(256, dtype=np.uint8)
    blue_green_red = cv2.applyColorMap(levels, code)[:, 0]
    return [int(value) for value in blue_green_red[:, ::-1].ravel()]
