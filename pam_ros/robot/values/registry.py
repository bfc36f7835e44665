# SPDX-License-Identifier: Apache-2.0
"""Every message type that a contract may read numbers from or command by: one entry, once for all.

Live nodes, replay, report, view and layouts go by it. Messages are duck-typed: they may be rclpy's
or rosbags'.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pam_ros.robot.errors import ContractError
from pam_ros.robot.values.arrays import MULTI_ARRAY_TYPE
from pam_ros.robot.values.joints import JOINT_TYPES
from pam_ros.robot.values.spatial import SPATIAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.robot.values.interface import ValueType

VALUE_TYPES: Mapping[str, ValueType] = MappingProxyType(
    {kind.name: kind for kind in (*JOINT_TYPES, MULTI_ARRAY_TYPE, *SPATIAL_TYPES)}
)
"""By the name that a contract has."""
COMMAND_TYPES: Mapping[str, ValueType] = MappingProxyType(
    {name: kind for name, kind in VALUE_TYPES.items() if kind.command}
)
"""Those that a robot can be commanded by."""
STATE_TYPES: Mapping[str, ValueType] = MappingProxyType(
    {name: kind for name, kind in VALUE_TYPES.items() if kind.state}
)
"""Those that a state can be read from."""


def command_type(name: str) -> ValueType:
    """The command type of this name.

    Raises:
        ContractError: there is none; the sentence names those that there are.
    """
    try:
        return COMMAND_TYPES[name]
    except KeyError:
        known = ", ".join(COMMAND_TYPES)
        raise ContractError(f"no command is a '{name}'; it must be one of {known}") from None
