# SPDX-License-Identifier: Apache-2.0
"""An RViz configuration: one Image display per camera, with the overlays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pam_ros.robot.topics import Topics

_HEADING = "# Overlays in RViz: rviz2 -d pam_ros.rviz. Made by `pam_ros layouts`.\n"


def rviz(topics: Topics) -> str:
    """The text of a .rviz file."""
    content = {
        "Panels": [{"Class": "rviz_common/Displays", "Name": "Displays"}],
        "Visualization Manager": {
            "Class": "",
            "Displays": [_image(f"{c.name}, attention", c.overlay) for c in topics.cameras],
            "Enabled": True,
            "Global Options": {
                "Background Color": "48; 48; 48",
                "Fixed Frame": "base_link",
                "Frame Rate": 30,
            },
            "Name": "root",
            "Tools": [{"Class": "rviz_default_plugins/MoveCamera"}],
            "Value": True,
            "Views": {
                "Current": {
                    "Class": "rviz_default_plugins/Orbit",
                    "Name": "Current View",
                    "Value": "Orbit (rviz)",
                },
                "Saved": None,
            },
        },
        "Window Geometry": {"Height": 800, "Width": 1200},
    }
    return _HEADING + yaml.safe_dump(content, sort_keys=False, width=100)


def _image(name: str, topic: str) -> dict[str, Any]:
    return {
        "Class": "rviz_default_plugins/Image",
        "Enabled": True,
        "Max Value": 1,
        "Median window": 5,
        "Min Value": 0,
        "Name": name,
        "Normalize Range": True,
        "Topic": {
            "Depth": 2,
            "Durability Policy": "Volatile",
            "History Policy": "Keep Last",
            "Reliability Policy": "Reliable",
            "Value": topic,
        },
        "Value": True,
    }
