# SPDX-License-Identifier: Apache-2.0
"""Where a predicted chunk takes the tips of a robot, by forward kinematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.robot.kinematics import KinematicTree
    from pam_ros.robot.parts import CommandContract

ARM = 3
"""A chain of so many commanded joints has a path of its own; fewer are a gripper or a head."""
_UNITS = ("rad", "m")


class ChunkPaths:
    """Paths of the links that stand for a robot's arms.

    Args:
        tree: of its URDF.
        command: what the chunk's numbers are.
        tips: links whose paths are wanted; none given: one for each arm, see KinematicTree.tip.

    Attributes:
        tips: the links that have paths.

    Raises:
        MessageError: the URDF has none of the commanded joints, or no such link.
    """

    def __init__(
        self, tree: KinematicTree, command: CommandContract, tips: Sequence[str] = ()
    ) -> None:
        self._tree = tree
        # The joint of the URDF by the label that the chunk has for it.
        self._joints = {
            joint.label: name
            for joint in command.joints
            if joint.kind == "position" and joint.message_unit in _UNITS
            for name in (joint.label, joint.name, joint.label.replace("/", "_"))
            if name in tree.moving
        }
        if not self._joints:
            names = ", ".join(joint.label for joint in command.joints)
            raise MessageError(
                f"the robot description has no joint that the contract commands to positions: it "
                f"has {', '.join(tree.moving[:20]) or 'none that move'}, the contract {names}"
            )
        for tip in tips:
            tree.chain(tip)
        self.tips = tuple(dict.fromkeys(tips)) or self._arms()

    def paths(
        self,
        labels: Sequence[str],
        positions: NDArray[np.float64],
        others: Mapping[str, float] | None = None,
    ) -> dict[str, NDArray[np.float64]]:
        """Where each tip is at each step, (steps, 3) in the tree's root link [m].

        Args:
            labels: of the chunk's columns.
            positions: (steps, columns) in the unit of messages.
            others: where joints stand that the chunk does not name, by the URDF's names.

        Raises:
            MessageError: no column is a joint of the URDF, or a number is not finite.
        """
        given = {
            self._joints[label]: positions[:, column]
            for column, label in enumerate(labels)
            if label in self._joints
        }
        if not given or not np.isfinite(positions).all():
            raise MessageError("the predicted chunk has no finite position of a joint of the robot")
        poses = self._tree.poses({**(others or {}), **given})
        shape = (len(positions), 3)
        return {tip: np.broadcast_to(poses[tip][..., :3, 3], shape) for tip in self.tips}

    def _arms(self) -> tuple[str, ...]:
        found: list[str] = []
        left = set(self._joints.values())
        while left and (not found or len(left) >= ARM):
            tip = self._tree.tip(left)
            chain = {joint.name for joint in self._tree.chain(tip)} & left
            if found and len(chain) < ARM:
                break
            found.append(tip)
            left -= chain
        return tuple(found)
