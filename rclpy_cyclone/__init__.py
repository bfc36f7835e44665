# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes without a ROS 2 installation: rclpy's API over Cyclone DDS.

One explicit call puts it in place::

    from rclpy_cyclone import install
    install(interfaces={"my_package": Path("msg")})

After it, `import rclpy`, `from sensor_msgs.msg import Image` and `import cv_bridge` work, and nodes
talk to ROS 2 Jazzy on the wire. README.md lists what is left out.
"""

from __future__ import annotations

from .imports.importer import Installation, install, installed

__all__ = ["Installation", "install", "installed"]
