# SPDX-License-Identifier: Apache-2.0
"""The joints that a controller says it has, held against those that a contract commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.robot.parts import CommandPart


def check_controller(part: CommandPart, controller: str, joints: Sequence[str]) -> str:
    """One sentence on the difference, empty if there is none.

    Args:
        part: of the contract's command.
        controller: the node that listens to its topic.
        joints: its parameter ``joints``, as ros2_control's controllers have it.
    """
    wanted = part.names
    by_place = part.type == FLOAT64_MULTI_ARRAY
    # An array that is described by fields names no joints.
    if by_place and part.names == part.fields:
        if len(wanted) == len(joints):
            return ""
        return (
            f"{controller} takes {len(joints)} numbers, of {_listed(joints)}; the contract sends "
            f"{len(wanted)} on {part.topic}"
        )
    words = []
    lacking = [name for name in wanted if name not in joints]
    left_out = [name for name in joints if name not in wanted]
    if lacking:
        words.append(f"it does not have {_listed(lacking)}")
    if left_out:
        words.append(f"the contract leaves out {_listed(left_out)}")
    if by_place and not words and list(wanted) != list(joints):
        words.append(f"an array goes by their order, and the contract's is {', '.join(wanted)}")
    if not words:
        return ""
    return f"{controller} moves {', '.join(joints)} by {part.topic}: {'; '.join(words)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
