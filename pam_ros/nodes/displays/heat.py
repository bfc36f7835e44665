# SPDX-License-Identifier: Apache-2.0
"""`~/heat` and `~/cameras`: maps laid on the table, and what each camera sees."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import heat_rgba
from pam_ros.attention.scale import RunningScale
from pam_ros.msg import AttentionMap
from pam_ros.nodes.displays.while_heard import WhileHeard
from pam_ros.nodes.kit.spatial import colour, fill_colours, fill_points, marker, place
from pam_ros.robot import Grid, MessageError
from pam_ros.robot.contract import is_rectified
from pam_ros.robot.frames import FrameTree
from pam_ros.robot.heat_in_space import ABOVE, frustum, heat_on_surface
from pam_ros.robot.pinhole import read_camera_info
from pam_ros.robot.rotations import transform
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.message_maps import maps_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from rclpy.node import Node
    from rclpy.subscription import Subscription

    from pam_ros.attention.maps import AttentionMaps, CameraMap
    from pam_ros.nodes.displays.said import Said
    from pam_ros.robot.pinhole import Pinhole
    from pam_ros.robot.topics import CameraTopics, Topics

HELD_S = 2
"""So long heat stays if no newer comes; what is older is not what the policy looks at."""
PATIENCE = 15
"""Drivers may begin so many seconds later than RViz."""
_LINE_M, _TEXT_M = 0.002, 0.02
_GREY = (0.75, 0.75, 0.75, 0.9)
_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_SENSOR = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)


class HeatInSpace:
    """Markers of a contract's cameras.

    Args:
        node: has the topics.
        topics: of the contract.
        values: of the node's parameters.
        said: says why there is no heat.
    """

    def __init__(self, node: Node, topics: Topics, values: Mapping[str, Any], said: Said) -> None:
        self._node = node
        self._topics = topics
        self._said = said
        self._fixed: str = values["fixed_frame"]
        self._height: float = values["surface_height"]
        self._farthest: float = values["farthest"]
        self._frustum: float = values["frustum_length"]
        self._rgba = heat_rgba(values["colormap"], values["alpha"])
        self._heat = node.create_publisher(MarkerArray, "~/heat", 2)
        self._cameras = node.create_publisher(MarkerArray, "~/cameras", 2)
        self._for_heat = WhileHeard(node, self._heat, self._listen)
        self._for_cameras = WhileHeard(node, self._cameras, self._listen_to_cameras)
        self._infos: dict[str, CameraInfo] = {}
        # /tf is taken beside the drawing: behind it, its queue would fill, and each transform be
        # as old as the queue is long.
        self._moves = MutuallyExclusiveCallbackGroup()
        self._of_frames = threading.Lock()
        self._forget()

    def look(self) -> None:
        """Whether somebody subscribes; to be called several times a second."""
        if not self._for_heat.look():
            self._forget()
        self._for_cameras.look()

    def show_cameras(self) -> None:
        """Publish what each camera sees; to be called about once a second."""
        if self._cameras.get_subscription_count() == 0:
            return
        found = [each for camera in self._topics.cameras for each in self._frustum_of(camera)]
        if found:
            self._cameras.publish(MarkerArray(markers=found))

    def _forget(self) -> None:
        with self._of_frames:
            self._frames = FrameTree()
        self._scale = RunningScale()

    def _listen(self) -> list[Subscription]:
        node = self._node
        static, moving = partial(self._take, static=True), partial(self._take, static=False)
        return [
            node.create_subscription(TFMessage, "/tf_static", static, _STATIC),
            node.create_subscription(TFMessage, "/tf", moving, 100, callback_group=self._moves),
            *self._listen_to_cameras(),
            node.create_subscription(AttentionMap, self._topics.attention, self._on_map, 2),
        ]

    def _listen_to_cameras(self) -> list[Subscription]:
        return [
            self._node.create_subscription(
                CameraInfo, camera.info, partial(self._infos.__setitem__, camera.name), _SENSOR
            )
            for camera in self._topics.cameras
        ]

    def _take(self, message: TFMessage, *, static: bool) -> None:
        with self._of_frames:
            self._frames.take(message.transforms, static=static)

    def _on_map(self, message: AttentionMap) -> None:
        if not message.valid:
            return
        try:
            maps = maps_of(message)
            # One that is not finite would stay in the scale for a hundred ticks.
            _check_finite(maps)
            full_scale = self._scale.scale(maps)
        except (AttentionError, ValueError) as error:
            self._said.say("heat", f"a map cannot be drawn: {error}")
            return
        self._said.say("heat", "")
        found: list[Marker] = []
        for number, (camera, placed) in enumerate(zip(message.cameras, maps.cameras, strict=True)):
            what = f"heat of camera {camera.name} in space"
            # One above the other, or heat of two cameras would flicker.
            height = self._height + number * ABOVE
            try:
                found += self._on_surface(camera, placed, full_scale, height)
            except MessageError as error:
                self._said.say(what, str(error))
            else:
                self._said.say(what, "")
        if found:
            self._heat.publish(MarkerArray(markers=found))

    def _on_surface(
        self, camera: Any, placed: CameraMap, full_scale: float, height: float
    ) -> list[Marker]:
        """A camera's heat and rays, in the fixed frame.

        Raises:
            MessageError: the camera's calibration or place is not known.
        """
        grid = Grid(placed.x0, placed.y0, placed.dx, placed.dy)
        if not np.isfinite(grid).all() or min(grid.dx, grid.dy) <= 0 or not placed.cells.size:
            raise MessageError(f"its map has no extent: {grid}")
        pinhole = self._pinhole(camera.name).for_size(camera.image_width, camera.image_height)
        stamp_ns = stamp_nanoseconds(camera.header.stamp)
        frame = camera.header.frame_id
        with self._of_frames:
            pose = self._frames.between(self._fixed, frame, stamp_ns)
        heat = heat_on_surface(
            placed.cells,
            grid,
            full_scale,
            pinhole,
            pose,
            height=height,
            farthest=self._farthest,
        )
        stamp = camera.header.stamp
        surface = marker(self._fixed, stamp, f"{camera.name}/heat", Marker.TRIANGLE_LIST)
        self._fill(surface, heat.triangles, heat.levels)
        rays = marker(self._fixed, stamp, f"{camera.name}/rays", Marker.LINE_LIST)
        rays.scale.x = _LINE_M
        self._fill(rays, heat.rays, np.repeat(heat.ray_levels, 2))
        return [surface, rays]

    def _fill(
        self, message: Marker, points: NDArray[np.float64], levels: NDArray[np.float64]
    ) -> None:
        if not len(points):
            # An empty list is an error in RViz.
            message.action = Marker.DELETE
            return
        fill_points(message, points)
        # RViz multiplies a triangle's colours by this one, and takes a line's as they are.
        message.color = colour((1.0, 1.0, 1.0, 1.0))
        fill_colours(message, self._rgba[np.rint(levels * 255).astype(int)])
        message.lifetime = Duration(sec=HELD_S)

    def _pinhole(self, name: str) -> Pinhole:
        camera = next((each for each in self._topics.cameras if each.name == name), None)
        if camera is None:
            raise MessageError("the contract has no such camera: is it the attention node's?")
        info = self._infos.get(name)
        if info is None:
            raise MessageError(
                f"nothing came on {camera.info}: does the driver publish its calibration? The "
                "contract's key camera_info names another topic"
            )
        return read_camera_info(info, rectified=is_rectified(camera.image))

    def _frustum_of(self, camera: CameraTopics) -> list[Marker]:
        what = f"frustum of camera {camera.name}"
        try:
            edges = frustum(self._pinhole(camera.name), self._frustum)
        except MessageError as error:
            self._said.say(what, str(error), PATIENCE)
            return []
        self._said.say(what, "")
        frame = self._infos[camera.name].header.frame_id
        lines = marker(frame, Time(), f"{camera.name}/camera", Marker.LINE_LIST)
        lines.scale.x = _LINE_M
        lines.color = colour(_GREY)
        fill_points(lines, edges)
        text = marker(frame, Time(), f"{camera.name}/camera", Marker.TEXT_VIEW_FACING, 1)
        place(text, transform((0.0, 0.0, 0.0)), (_TEXT_M,) * 3)
        text.text = camera.name
        for each in (lines, text):
            each.frame_locked = True  # it goes with the arm between two messages
        return [lines, text]


def _check_finite(maps: AttentionMaps) -> None:
    """Raise ValueError if a cell is not finite."""
    for camera in maps.cameras:
        if not np.isfinite(camera.cells).all():
            raise ValueError(f"camera {camera.feature} has a cell that is not finite")
