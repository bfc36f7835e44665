# SPDX-License-Identifier: Apache-2.0
"""An RViz configuration that fills the window: robot, cameras, heat and chunk in space, overlays.

The 3D view is in the middle, the overlays are at its right in the contract's order, and the list of
displays is at its left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from pam_ros.show.layouts.qt_state import main_window_state

if TYPE_CHECKING:
    from pam_ros.robot.topics import Topics

_HEADING = "# Overlays and heat in RViz: rviz2 -d pam_ros.rviz. Made by `pam_ros layouts`.\n"
_WIDTH, _HEIGHT = 1600, 900
_BARS = 90
"""Of the window's height, for its menu, tools and status."""
_DISPLAYS, _LIST_WIDTH = "Displays", 250
_ONE, _COLUMN, _TWO_COLUMNS = 760, 600, 840
"""Width of the overlays: of one, of two below each other, of more in rows of two [pixels]."""


@dataclass(frozen=True)
class InSpace:
    """What the 3D view shows, of which a contract says nothing.

    Attributes:
        fixed_frame: RViz's Fixed Frame: a link of the robot that stands still.
        description: topic of the robot's URDF.
        displays: full name of the node displays.
        scene: topic of markers of what stands around the robot; empty for none.
    """

    fixed_frame: str = "base_link"
    description: str = "/robot_description"
    displays: str = "/displays"
    scene: str = ""


def rviz(topics: Topics, space: InSpace) -> str:
    """The text of a .rviz file."""
    pictures = {f"{camera.name}, attention": camera.overlay for camera in topics.cameras}
    rows, width = _rows(list(pictures))
    if topics.words:
        pictures["words"] = topics.words
        rows.append(["words"])
    state = main_window_state((_WIDTH, _HEIGHT - _BARS), (_DISPLAYS, _LIST_WIDTH), (rows, width))
    content = {
        "Panels": [{"Class": "rviz_common/Displays", "Name": _DISPLAYS}],
        "Visualization Manager": {
            "Class": "",
            "Displays": [*_in_space(space), *(_image(*picture) for picture in pictures.items())],
            "Enabled": True,
            "Global Options": {
                "Background Color": "48; 48; 48",
                "Fixed Frame": space.fixed_frame,
                "Frame Rate": 30,
            },
            "Name": "root",
            "Tools": [{"Class": "rviz_default_plugins/MoveCamera"}],
            "Value": True,
            "Views": {
                "Current": {
                    "Class": "rviz_default_plugins/Orbit",
                    "Distance": 1.0,
                    "Focal Point": {"X": 0.15, "Y": 0, "Z": 0.15},
                    "Name": "Current View",
                    "Pitch": 0.5,
                    "Target Frame": "<Fixed Frame>",
                    "Value": "Orbit (rviz)",
                    "Yaw": 0.8,
                },
                "Saved": None,
            },
        },
        "Window Geometry": {
            "Height": _HEIGHT,
            "Hide Left Dock": False,
            "Hide Right Dock": False,
            "QMainWindow State": state,
            "Width": _WIDTH,
            **{name: {"collapsed": False} for name in (_DISPLAYS, *pictures)},
        },
    }
    return _HEADING + yaml.safe_dump(content, sort_keys=False, width=100)


def _rows(names: list[str]) -> tuple[list[list[str]], int]:
    """Overlays in rows, in their order, and how wide all of them are [pixels]."""
    if len(names) <= 2:
        return [[name] for name in names], _ONE if len(names) == 1 else _COLUMN
    return [names[first : first + 2] for first in range(0, len(names), 2)], _TWO_COLUMNS


def _in_space(space: InSpace) -> list[dict[str, Any]]:
    displays = space.displays
    scene = [_markers("scene", space.scene)] if space.scene else []
    return [
        {
            "Class": "rviz_default_plugins/Grid",
            "Cell Size": 0.1,
            "Enabled": True,
            "Name": "grid",
            # Below a table top at zero, or the two flicker.
            "Offset": {"X": 0, "Y": 0, "Z": -0.001},
            "Plane Cell Count": 20,
            "Reference Frame": "<Fixed Frame>",
            "Value": True,
        },
        {
            "Class": "rviz_default_plugins/RobotModel",
            "Description Source": "Topic",
            "Description Topic": _topic(space.description, durability="Transient Local"),
            "Enabled": True,
            "Name": "robot",
            "Value": True,
            "Visual Enabled": True,
        },
        *scene,
        _markers("cameras", f"{displays}/cameras"),
        _markers("heat in space", f"{displays}/heat"),
        _markers("predicted chunk", f"{displays}/chunk_path"),
        {
            "Class": "rviz_default_plugins/TF",
            "Enabled": False,
            "Marker Scale": 0.2,
            "Name": "frames",
            "Show Names": True,
            "Value": False,
        },
    ]


def _markers(name: str, topic: str) -> dict[str, Any]:
    return {
        "Class": "rviz_default_plugins/MarkerArray",
        "Enabled": True,
        "Name": name,
        "Namespaces": {},
        "Topic": _topic(topic),
        "Value": True,
    }


def _image(name: str, topic: str) -> dict[str, Any]:
    return {
        "Class": "rviz_default_plugins/Image",
        "Enabled": True,
        "Max Value": 1,
        "Median window": 5,
        "Min Value": 0,
        "Name": name,
        "Normalize Range": True,
        "Topic": _topic(topic),
        "Value": True,
    }


def _topic(name: str, durability: str = "Volatile") -> dict[str, Any]:
    return {
        "Depth": 2,
        "Durability Policy": durability,
        "History Policy": "Keep Last",
        "Reliability Policy": "Reliable",
        "Value": name,
    }
