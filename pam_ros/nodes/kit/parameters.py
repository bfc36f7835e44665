# SPDX-License-Identifier: Apache-2.0
"""Declaring parameters from one table, and refusing misspelt ones."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.node import Node

# Declared by rclpy itself or by diagnostic_updater, or read before the node exists.
KNOWN_ELSEWHERE = (
    "use_sim_time", "qos_overrides.", "start_type_description_service", "diagnostic_updater.",
)  # fmt: skip

CLOSE = 0.8
"""difflib's ratio from which a name is one of ours misspelt, and not another node's."""


class ParameterError(PamRosError):
    """A parameter's name or value; the sentence names it and what would be right."""


@dataclass(frozen=True)
class Declared:
    """One parameter.

    description: all that is said of it, in `ros2 param describe`, the file in config/ and the page.
    read_only: fixed at start-up. lowest, highest: bounds, both included. choices: all that it may
    be. example: what the file shows of a parameter that has no default and must be given.
    """

    name: str
    default: Any
    description: str
    read_only: bool = True
    lowest: float | None = None
    highest: float | None = None
    choices: tuple[str, ...] = ()
    example: str = ""

    def descriptor(self) -> ParameterDescriptor:
        """What `ros2 param describe` shows."""
        text = self.description
        if self.choices:
            text += f" One of: {', '.join(self.choices)}."
        descriptor = ParameterDescriptor(
            description=text,
            read_only=self.read_only,
            # What `ros2 param set` makes of an empty list is one of bools.
            dynamic_typing=isinstance(self.default, list),
        )
        if self.lowest is not None and self.highest is not None:
            if isinstance(self.default, float):
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=self.lowest, to_value=self.highest)
                ]
            else:
                descriptor.integer_range = [
                    IntegerRange(from_value=int(self.lowest), to_value=int(self.highest), step=1)
                ]
        return descriptor

    def problem(self, value: Any) -> str | None:
        """Why a value cannot be taken, beyond its type and range."""
        if isinstance(self.default, list) and not (
            isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        ):
            return f"parameter '{self.name}' is {value}: it must be a list of texts"
        if self.choices and value not in self.choices:
            return f"parameter '{self.name}' is '{value}': use one of {', '.join(self.choices)}"
        return None


def declare(node: Node, table: Sequence[Declared]) -> dict[str, Any]:
    """Declare every parameter of a table and return the values by name.

    Raises:
        ParameterError: an override that is a table's name misspelt, or a value that is no choice.
    """
    names = [entry.name for entry in table]
    _refuse_misspelt(node, names)
    values = {}
    for entry in table:
        values[entry.name] = node.declare_parameter(
            entry.name, entry.default, entry.descriptor()
        ).value
        problem = entry.problem(values[entry.name])
        if problem:
            raise ParameterError(problem)
    return values


def _refuse_misspelt(node: Node, names: Sequence[str]) -> None:
    # rclpy drops overrides that nobody declares without a word, and has no public list of them.
    others = []
    for given in getattr(node, "_parameter_overrides", {}):
        if given in names or given.startswith(KNOWN_ELSEWHERE):
            continue
        close = difflib.get_close_matches(given, names, n=1, cutoff=CLOSE)
        if close:
            raise ParameterError(
                f"unknown parameter '{given}' of node '{node.get_name()}': did you mean "
                f"'{close[0]}'?"
            )
        others.append(f"'{given}'")
    if others:
        # A section `/**` of a parameter file is for other nodes too.
        node.get_logger().warning(
            f"this node has no parameter {', '.join(sorted(others))}: ignored"
        )
