# SPDX-License-Identifier: Apache-2.0
"""Attention weights to maps to pictures. NumPy and OpenCV only; knows no ROS and no torch.

Example:
    from pam_ros.attention import Overlay, RunningScale, attention_maps

    maps = attention_maps(output.attention, policy.spec.layout)  # of an ACT policy's output
    overlay, scale = Overlay(), RunningScale()               # as the robot draws
    full_scale = scale.scale(maps)
    for camera in maps.cameras:
        grid = (camera.x0, camera.y0, camera.dx, camera.dy)
        image = observation[camera.feature]
        picture = overlay.draw(image, camera.cells, *grid, full_scale, maps.joint_state_share)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.share.on_demand import on_demand

if TYPE_CHECKING:
    from pam_ros.attention.drawing import DRAWING, Drawing
    from pam_ros.attention.errors import AttentionError
    from pam_ros.attention.layout import TokenLayout
    from pam_ros.attention.look import Look, Stack
    from pam_ros.attention.maps import (
        AttentionMaps,
        CameraMap,
        attention_maps,
        encoder_attention_maps,
    )
    from pam_ros.attention.overlay import COLORMAPS, Overlay
    from pam_ros.attention.rollout import rollout_maps
    from pam_ros.attention.scale import RunningScale, Scale, TickScale, UniformScale, make_scale
    from pam_ros.attention.selection import METHODS, Selection, make_selection

__all__ = [
    "COLORMAPS",
    "DRAWING",
    "METHODS",
    "AttentionError",
    "AttentionMaps",
    "CameraMap",
    "Drawing",
    "Look",
    "Overlay",
    "RunningScale",
    "Scale",
    "Selection",
    "Stack",
    "TickScale",
    "TokenLayout",
    "UniformScale",
    "attention_maps",
    "encoder_attention_maps",
    "make_scale",
    "make_selection",
    "rollout_maps",
]

__getattr__ = on_demand(
    __name__,
    {
        "drawing": ("DRAWING", "Drawing"),
        "errors": ("AttentionError",),
        "layout": ("TokenLayout",),
        "maps": ("AttentionMaps", "CameraMap", "attention_maps", "encoder_attention_maps"),
        "overlay": ("COLORMAPS", "Overlay"),
        "rollout": ("rollout_maps",),
        "scale": ("RunningScale", "Scale", "TickScale", "UniformScale", "make_scale"),
        "look": ("Look", "Stack"),
        "selection": ("METHODS", "Selection", "make_selection"),
    },
)
