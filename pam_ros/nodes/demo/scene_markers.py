# SPDX-License-Identifier: Apache-2.0
"""The table and the objects of the scene for RViz, while somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.qos import QoSProfile
from visualization_msgs.msg import Marker, MarkerArray

from pam_ros.nodes.kit.spatial import colour, marker, place
from pam_ros.robot.rotations import from_quaternion
from pam_ros.sim.urdf import BASE

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from rclpy.node import Node

    from pam_ros.sim.scene import Scene

_KINDS = {5: Marker.CYLINDER, 6: Marker.CUBE}  # by mjtGeom
_SHOWN = ("table", "mat", "red_cube", "blue_cube", "green_cylinder")


class SceneMarkers:
    """`~/scene`, in base_link."""

    def __init__(self, node: Node, scene: Scene) -> None:
        self._scene = scene
        self._publisher = node.create_publisher(MarkerArray, "~/scene", QoSProfile(depth=2))

    def publish(self, stamp: Time) -> None:
        """Where things are now."""
        if self._publisher.get_subscription_count() == 0:
            return
        message = MarkerArray(markers=[self._marker(name, stamp) for name in _SHOWN])
        self._publisher.publish(message)

    def _marker(self, name: str, stamp: Time) -> Marker:
        model, data = self._scene.model, self._scene.data
        geom = int(model.geom(name).id)
        kind = int(model.geom_type[geom])
        found = marker(BASE, stamp, name, _KINDS[kind])
        where = from_quaternion(data.geom_xpos[geom], (0.0, 0.0, 0.0, 1.0))
        where[:3, :3] = data.geom_xmat[geom].reshape(3, 3)
        # Of a cylinder MuJoCo has radius and half its length.
        radius, half, third = (float(size) for size in model.geom_size[geom])
        sizes = (radius, radius, half) if kind == 5 else (radius, half, third)
        place(found, where, [2 * size for size in sizes])
        found.color = colour(model.geom_rgba[geom])
        return found
