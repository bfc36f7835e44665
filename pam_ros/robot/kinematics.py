# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics of a URDF: where each link is when the joints stand so.

No more than the picture of a chunk needs: no collisions, inertia, inverse. Meshes are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.errors import ContractError, MessageError
from pam_ros.robot.rotations import slid, transform, turned
from pam_ros.robot.urdf import finite_numbers, urdf_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from xml.etree import ElementTree as ET

    from numpy.typing import ArrayLike, NDArray

TURNING = ("revolute", "continuous")
SLIDING = ("prismatic",)
_KINDS = (*TURNING, *SLIDING, "fixed", "floating", "planar")
MAX_JOINTS = 2000
"""More than any robot has."""
_NOT_A_TOOL = ("camera", "optical")


@dataclass(frozen=True)
class Mimic:
    """A joint that follows another one: multiplier * its position + offset."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True, eq=False)
class TreeJoint:
    """One joint of a URDF, from its parent link to its child link.

    Attributes:
        kind: its type; a floating or planar joint stays at its origin here.
        origin: (4, 4) float64, the child in its parent at position 0; metres.
        axis: (3,) float64, of length 1, in the child.
        mimic: the joint that it follows, if it follows one.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: NDArray[np.float64]
    axis: NDArray[np.float64]
    mimic: Mimic | None = None

    @property
    def moves(self) -> bool:
        """Whether it has a position."""
        return self.kind in TURNING + SLIDING

    def at(self, position: ArrayLike) -> NDArray[np.float64]:
        """The child in its parent, (..., 4, 4), for positions (...) in rad or m."""
        if not self.moves:
            return self.origin
        moved = turned(self.axis, position) if self.kind in TURNING else slid(self.axis, position)
        return self.origin @ moved


@dataclass(frozen=True, eq=False)
class KinematicTree:
    """The links of a robot. `joints` come parents first; `root` is the link that is no child."""

    root: str
    joints: tuple[TreeJoint, ...]

    @property
    def links(self) -> tuple[str, ...]:
        """Every link, the root first."""
        return (self.root, *(joint.child for joint in self.joints))

    @property
    def moving(self) -> tuple[str, ...]:
        """Joints with a position of their own."""
        return tuple(j.name for j in self.joints if j.moves and j.mimic is None)

    def in_parents(
        self, positions: Mapping[str, ArrayLike]
    ) -> dict[TreeJoint, NDArray[np.float64]]:
        """Each joint's child in its parent, (..., 4, 4), as /tf has it.

        Args:
            positions: of joints by name [rad, or m], each (...) of one shape; a joint that is not
                named stands at 0, and names of no joint are passed over.
        """
        values = {name: np.asarray(value, np.float64) for name, value in positions.items()}
        return {joint: joint.at(_position(joint, values)) for joint in self.joints}

    def poses(self, positions: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
        """Each link in the root link, (..., 4, 4); arguments as in_parents has them."""
        found: dict[str, NDArray[np.float64]] = {self.root: np.eye(4)}
        for joint, moved in self.in_parents(positions).items():
            found[joint.child] = found[joint.parent] @ moved
        return found

    def chain(self, link: str) -> tuple[TreeJoint, ...]:
        """The joints from the root to a link.

        Raises:
            MessageError: there is no such link.
        """
        above = {joint.child: joint for joint in self.joints}
        if link != self.root and link not in above:
            known = ", ".join(self.links[:20])
            raise MessageError(f"the robot description has no link '{link}' (it has {known})")
        found: list[TreeJoint] = []
        while link in above:
            found.append(above[link])
            link = above[link].parent
        return tuple(reversed(found))

    def tip(self, joints: Iterable[str]) -> str:
        """The link that stands for what these joints move: a tool frame if there is one.

        Of the links at the ends that are fixed to what they are on, and are no cameras, the one
        that most of the joints move; of all links at the ends if no joint moves any of those. The
        first of equals.

        Raises:
            MessageError: no link is moved by any of them.
        """
        named = set(joints)
        parents = {joint.parent for joint in self.joints}
        moved = {
            joint.child: sum(each.name in named for each in self.chain(joint.child))
            for joint in self.joints
            if joint.child not in parents
        }
        fixed = {joint.child for joint in self.joints if joint.kind == "fixed"}
        ends = [link for link, count in moved.items() if count]
        tools = [
            link for link in ends if link in fixed and not any(word in link for word in _NOT_A_TOOL)
        ]
        if not ends:
            raise MessageError(
                f"the robot description has none of the joints {', '.join(sorted(named))} (it has "
                f"{', '.join(self.moving[:20]) or 'none that move'})"
            )
        return max(tools or ends, key=moved.__getitem__)


def read_tree(text: str) -> KinematicTree:
    """The links and joints of a URDF.

    Raises:
        MessageError: it is no URDF, its links are no tree, or a number in it is none.
    """
    try:
        root = urdf_root(text)
        # As in urdf.py: <transmission> and <ros2_control> have joints of another meaning.
        elements = root.findall("joint")
        if len(elements) > MAX_JOINTS:
            raise MessageError(f"the robot description has more than {MAX_JOINTS} joints")
        joints = [_joint(element) for element in elements]
    except ContractError as error:
        raise MessageError(str(error)) from error
    links = [link.get("name", "") for link in root.findall("link")]
    return _tree(links, joints)


def _position(joint: TreeJoint, values: Mapping[str, NDArray[np.float64]]) -> ArrayLike:
    zero = np.zeros(())
    if joint.mimic is None:
        return values.get(joint.name, zero)
    return joint.mimic.multiplier * values.get(joint.mimic.joint, zero) + joint.mimic.offset


def _joint(element: ET.Element) -> TreeJoint:
    name = element.get("name", "")
    kind = element.get("type", "")
    if kind not in _KINDS:
        raise MessageError(f"the robot description's joint '{name}' is of the type '{kind[:40]}'")
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise MessageError(f"the robot description's joint '{name}' has no parent and child")
    origin, axis, mimic = element.find("origin"), element.find("axis"), element.find("mimic")
    where = np.eye(4)
    if origin is not None:
        xyz = finite_numbers(element, origin, "xyz", (0.0, 0.0, 0.0))
        where = transform(xyz, finite_numbers(element, origin, "rpy", (0.0, 0.0, 0.0)))
    along = np.array((1.0, 0.0, 0.0))
    if axis is not None:
        along = np.array(finite_numbers(element, axis, "xyz", (1.0, 0.0, 0.0)))
    length = float(np.linalg.norm(along))
    if length < 1e-9 and kind in TURNING + SLIDING:
        raise MessageError(f"the robot description's joint '{name}' has an axis of length 0")
    follows = None
    if mimic is not None:
        (multiplier,) = finite_numbers(element, mimic, "multiplier", (1.0,))
        (offset,) = finite_numbers(element, mimic, "offset", (0.0,))
        follows = Mimic(mimic.get("joint", ""), multiplier, offset)
    ends = (parent.get("link", ""), child.get("link", ""))
    return TreeJoint(name, kind, *ends, where, along / max(length, 1e-9), follows)


def _tree(links: list[str], joints: list[TreeJoint]) -> KinematicTree:
    children: dict[str, list[TreeJoint]] = {}
    known, above = set(links), set()
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in known:
                raise MessageError(
                    f"the robot description's joint '{joint.name}' names the link '{link[:40]}', "
                    "which it does not have"
                )
        if joint.child in above:
            raise MessageError(f"the robot description's link '{joint.child}' has two parents")
        above.add(joint.child)
        children.setdefault(joint.parent, []).append(joint)
    roots = [link for link in links if link not in above]
    if len(roots) != 1:
        names = ", ".join(roots[:5]) or "none"
        raise MessageError(f"the robot description must have one root link, and has {names}")
    ordered: list[TreeJoint] = []
    waiting = [roots[0]]
    while waiting:
        found = children.get(waiting.pop(), [])
        ordered += found
        waiting += [joint.child for joint in found]
    if len(ordered) != len(joints):
        raise MessageError("the robot description's links form a circle")
    return KinematicTree(roots[0], tuple(ordered))
