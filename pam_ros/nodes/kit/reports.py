# SPDX-License-Identifier: Apache-2.0
"""A node's reports on /diagnostics, by diagnostic_updater.

Nobody here uses the timer that an Updater makes. It is on the node's clock, which stands still if
/clock does or if a wall clock is set back. It is in the default callback group, where it waits for
whatever else is there. A node calls `update` itself, every `period` seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostic_updater import Updater
from rcl_interfaces.msg import SetParametersResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostic_updater import DiagnosticStatusWrapper
    from rclpy.node import Node
    from rclpy.parameter import Parameter

PERIOD, FULL_NAMES = "diagnostic_updater.period", "diagnostic_updater.use_fqn"
"""The parameters that an Updater declares."""
SHORTEST_S, LONGEST_S = 0.1, 60.0


def make_updater(node: Node) -> Updater:
    """The Updater of a node, without a timer, whose statuses have the node's name as hardware id.

    One for a node's life: Jazzy's declares its parameters each time that one is made.

    Raises:
        InvalidParameterTypeException, InvalidParameterValueException: of its parameters.
    """

    def check(parameters: list[Parameter]) -> SetParametersResult:
        reasons = (_problem(node, parameter) for parameter in parameters)
        reason = next(filter(None, reasons), "")
        return SetParametersResult(successful=not reason, reason=reason)

    node.add_on_set_parameters_callback(check)
    updater = Updater(node)
    node.destroy_timer(updater.timer)
    updater.setHardwareID(node.get_fully_qualified_name())
    return updater


def _problem(node: Node, parameter: Parameter) -> str:
    name, value = parameter.name, parameter.value
    if name in {PERIOD, FULL_NAMES} and node.has_parameter(name):
        return f"parameter '{name}' is read at the start"
    if name == PERIOD and not SHORTEST_S <= value <= LONGEST_S:
        return f"parameter '{name}' is {value}: use {SHORTEST_S} to {LONGEST_S} seconds"
    return ""


def add_values(status: DiagnosticStatusWrapper, values: Mapping[str, object]) -> None:
    """Add values to a status, each as text."""
    for key, value in values.items():
        status.add(key, str(value))
