# SPDX-License-Identifier: Apache-2.0
"""The demo arm as a URDF, made from its MuJoCo model: the two cannot drift apart.

Links are the model's bodies below "base", which is base_link; geoms are shapes to look at. Each
camera has the two frames of REP 103: NAME_camera_link (x forward) and NAME_camera_optical_frame (z
forward), the frame_id of its pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from pam_ros.robot.rotations import from_quaternion, inverse, roll_pitch_yaw
from pam_ros.sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BASE = "base_link"
"""The frame that everything stands in, at the arm's foot on the table."""
TIP = "gripper_frame_link"
"""The point between the finger tips."""
MAX_SPEED = 3.0
"""Of a joint [rad/s], as config/robots/demo_arm.yaml has it."""
_BASE_BODY, _TIP_SITE = "base", "tip"
# Columns: x forward, y left and z up, in a camera that looks along -z with x right and y up.
_LINK_IN_CAMERA = np.array(((0.0, -1, 0, 0), (0, 0, 1, 0), (-1, 0, 0, 0), (0, 0, 0, 1)), np.float64)
_OPTICAL_RPY = "-1.5707963267948966 0 -1.5707963267948966"


def optical_frame(camera: str) -> str:
    """The frame_id of a camera's pictures."""
    return f"{camera}_camera_optical_frame"


def urdf_of(model: Any, cameras: Sequence[str]) -> str:
    """The URDF of the arm in a MuJoCo model.

    Args:
        model: mujoco.MjModel of sim/scene.xml.
        cameras: those that are described.

    Raises:
        SimError: the model has something that is not written: another kind of joint or shape.
    """
    robot = ET.Element("robot", name="demo_arm")
    base = int(model.body(_BASE_BODY).id)
    bodies = [base]
    for body in range(base + 1, model.nbody):
        if int(model.body_parentid[body]) in bodies:
            bodies.append(body)
    for body in bodies:
        link = ET.SubElement(robot, "link", name=_link(model, body))
        for geom in np.flatnonzero(model.geom_bodyid == body):
            _shapes(link, model, int(geom))
    for body in bodies[1:]:
        _joint(robot, model, body)
    site = model.site(_TIP_SITE)
    where = from_quaternion(site.pos, np.roll(site.quat, -1))
    _fixed(robot, _link(model, int(site.bodyid[0])), TIP, where)
    foot = _body_pose(model, base)
    for name in cameras:
        camera = model.camera(name)
        where = from_quaternion(camera.pos, np.roll(camera.quat, -1)) @ _LINK_IN_CAMERA
        body = int(camera.bodyid[0])
        if body == 0:  # it stands in the room, and so does the base
            body, where = base, inverse(foot) @ where
        _fixed(robot, _link(model, body), f"{name}_camera_link", where)
        joint = _fixed(robot, f"{name}_camera_link", optical_frame(name), np.eye(4))
        origin = joint.find("origin")
        assert origin is not None
        origin.set("rpy", _OPTICAL_RPY)
    ET.indent(robot)
    return ET.tostring(robot, encoding="unicode") + "\n"


def _link(model: Any, body: int) -> str:
    name = str(model.body(body).name)
    return BASE if name == _BASE_BODY else f"{name}_link"


def _body_pose(model: Any, body: int) -> NDArray[np.float64]:
    return from_quaternion(model.body_pos[body], np.roll(model.body_quat[body], -1))


def _joint(robot: ET.Element, model: Any, body: int) -> None:
    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    joint = model.joint(first)
    # mjJNT_HINGE is 3; one that turns about a point beside its body would need a link more.
    if count != 1 or int(model.jnt_type[first]) != 3 or np.any(joint.pos):
        raise SimError(f"the body '{model.body(body).name}' must have one hinge at its origin")
    element = ET.SubElement(robot, "joint", name=str(joint.name), type="revolute")
    ET.SubElement(element, "parent", link=_link(model, int(model.body_parentid[body])))
    ET.SubElement(element, "child", link=_link(model, body))
    _origin(element, _body_pose(model, body))
    ET.SubElement(element, "axis", xyz=_words(joint.axis))
    lower, upper = (f"{end:g}" for end in joint.range)
    # An effort of 0 is how it is written that none is known.
    ET.SubElement(element, "limit", lower=lower, upper=upper, effort="0", velocity=f"{MAX_SPEED:g}")


def _fixed(robot: ET.Element, parent: str, child: str, where: NDArray[np.float64]) -> ET.Element:
    ET.SubElement(robot, "link", name=child)
    element = ET.SubElement(robot, "joint", name=f"{child}_joint", type="fixed")
    ET.SubElement(element, "parent", link=parent)
    ET.SubElement(element, "child", link=child)
    _origin(element, where)
    return element


def _shapes(link: ET.Element, model: Any, geom: int) -> None:
    """A geom's visuals; URDF has no capsule: it is a cylinder with a ball at either end."""
    where = from_quaternion(model.geom_pos[geom], np.roll(model.geom_quat[geom], -1))
    radius, half, third = (float(size) for size in model.geom_size[geom])
    colour = _words(np.round(model.geom_rgba[geom].astype(np.float64), 3))
    kind = int(model.geom_type[geom])  # mjtGeom: 3 capsule, 5 cylinder, 6 box
    if kind == 6:
        size = _words(2.0 * np.array((radius, half, third)))
        _visual(link, where, "box", {"size": size}, colour)
        return
    if kind not in {3, 5}:
        raise SimError(f"a geom of the body '{link.get('name')}' is no box, cylinder or capsule")
    sizes = {"radius": f"{radius:.6g}", "length": f"{2 * half:.6g}"}
    _visual(link, where, "cylinder", sizes, colour)
    for end in (-half, half) if kind == 3 else ():
        ball = where.copy()
        ball[:3, 3] += where[:3, 2] * end
        _visual(link, ball, "sphere", {"radius": sizes["radius"]}, colour)


def _visual(
    link: ET.Element, where: NDArray[np.float64], shape: str, sizes: dict[str, str], colour: str
) -> None:
    visual = ET.SubElement(link, "visual")
    _origin(visual, where)
    ET.SubElement(ET.SubElement(visual, "geometry"), shape, sizes)
    material = ET.SubElement(visual, "material", name=f"rgba {colour}")
    ET.SubElement(material, "color", rgba=colour)


def _origin(element: ET.Element, where: NDArray[np.float64]) -> None:
    ET.SubElement(
        element, "origin", xyz=_words(where[:3, 3]), rpy=_words(np.array(roll_pitch_yaw(where)))
    )


def _words(values: NDArray[np.float64]) -> str:
    # Rounded, so that 1e-17 is 0; far below what a joint's encoder sees.
    return " ".join(f"{value:.9g}" for value in np.round(values, 9) + 0.0)
