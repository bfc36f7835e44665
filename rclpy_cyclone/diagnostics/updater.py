# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater.Updater: runs a node's tasks and publishes what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy_cyclone.types.messages import message_class

from .status import DiagnosticStatusWrapper
from .tasks import DiagnosticTaskVector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rclpy_cyclone.node.node import Node

_DiagnosticArray: Any = message_class("diagnostic_msgs/msg/DiagnosticArray")
_DiagnosticStatus: Any = message_class("diagnostic_msgs/msg/DiagnosticStatus")


class Updater(DiagnosticTaskVector):
    """Publishes a DiagnosticArray on /diagnostics (depth 1), with a status for each task.

    It declares two parameters, unless they are there already. `diagnostic_updater.period`: seconds
    between two reports; the argument is its default. `diagnostic_updater.use_fqn`: whether a status
    is named after the node with its namespace.

    Args:
        node: whose tasks these are. The reports come by a timer on its clock, in its default
            callback group.
        period: seconds.

    Raises:
        InvalidParameterTypeException: a value that the node was given is of another type.
        RCLError: the period is negative.

    """

    def __init__(self, node: Node, period: float = 1.0) -> None:
        super().__init__()
        self.node = node
        self.publisher = node.create_publisher(_DiagnosticArray, "/diagnostics", 1)
        self.period_parameter = "diagnostic_updater.period"
        self.use_fqn_parameter = "diagnostic_updater.use_fqn"
        self.verbose = False
        self.hwid = ""
        self.warn_nohwid_done = False
        self._period = float(self._parameter(self.period_parameter, period))
        full = self._parameter(self.use_fqn_parameter, False)
        self.node_name = node.get_fully_qualified_name() if full else node.get_name()
        self.timer = node.create_timer(self._period, self.update)

    def _parameter(self, name: str, default: float | bool) -> Any:
        if self.node.has_parameter(name):
            return self.node.get_parameter(name).value
        return self.node.declare_parameter(name, default).value

    @property
    def period(self) -> float:
        """Seconds between two reports; a new value counts from now on."""
        return self._period

    @period.setter
    def period(self, period: float) -> None:
        self._period = period
        self.node.destroy_timer(self.timer)
        self.timer = self.node.create_timer(period, self.update)

    def update(self) -> None:
        """Run all tasks and publish what they say.

        Raises:
            TypeError: a task did not return its status.

        """
        with self.lock:
            statuses = [self._run(task) for task in self.tasks]
        all_ok = all(status.level == _DiagnosticStatus.OK for status in statuses)
        if not self.hwid and all_ok and not self.warn_nohwid_done:
            self.node.get_logger().warn(
                "diagnostic_updater: no hardware id is set. Name the device by setHardwareID(), "
                'or say setHardwareID("none") if there is none.'
            )
            self.warn_nohwid_done = True
        self.publish(statuses)

    def _run(self, task: DiagnosticTaskVector.DiagnosticTaskInternal) -> DiagnosticStatusWrapper:
        status = DiagnosticStatusWrapper(
            level=_DiagnosticStatus.ERROR,
            name=task.name,
            message="No message was set",
            hardware_id=self.hwid,
        )
        status = task.run(status)
        if self.verbose and status.level != _DiagnosticStatus.OK:
            self.node.get_logger().warn(
                f"Non-zero diagnostic status. Name: {status.name}, status {status.level!r}: "
                f"{status.message}"
            )
        return status

    def force_update(self) -> None:
        """Report now."""
        self.update()

    def broadcast(self, lvl: bytes, msg: str) -> None:
        """Publish this level and message for every task, without running any."""
        self.publish([_status(task.name, lvl, msg) for task in self.tasks])

    def setHardwareID(self, hwid: str) -> None:
        """Name the device that all statuses are about."""
        self.hwid = hwid

    def publish(self, msg: Any) -> None:
        """Publish a status or a list of them; the node's name is put before theirs."""
        statuses: Iterable[Any] = msg if isinstance(msg, list) else [msg]
        array = _DiagnosticArray()
        array.header.stamp = self.node.get_clock().now().to_msg()
        array.status = [
            _DiagnosticStatus(
                level=each.level,
                name=f"{self.node_name}: {each.name}",
                message=each.message,
                hardware_id=each.hardware_id,
                values=each.values,
            )
            for each in statuses
        ]
        self.publisher.publish(array)

    def addedTaskCallback(self, task: DiagnosticTaskVector.DiagnosticTaskInternal) -> None:
        """Say of a task that is added that the node is starting up."""
        self.publish(_status(task.name, _DiagnosticStatus.OK, "Node starting up"))


def _status(name: str, level: bytes, message: str) -> DiagnosticStatusWrapper:
    return DiagnosticStatusWrapper(name=name, level=level, message=message)
