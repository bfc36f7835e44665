# SPDX-License-Identifier: Apache-2.0
"""Statuses of diagnostic_updater: how they are made and read."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import DiagnosticStatusWrapper
from rclpy.clock import Clock, ClockType

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def wrapper(level=OK, message=""):
    return DiagnosticStatusWrapper(level=level, message=message)


def said(status):
    return status.level, status.message


def values(status):
    return {each.key: each.value for each in status.values}


def saying(level, message, *pairs):
    """A task's function that says this."""

    def run(status):
        status.summary(level, message)
        for key, value in pairs:
            status.add(key, value)
        return status

    return run


def now_s():
    return Clock(clock_type=ClockType.ROS_TIME).now().nanoseconds * 1e-9
