# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from diagnostic_msgs.msg import DiagnosticArray as DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus as DiagnosticStatus
from diagnostic_msgs.msg import KeyValue as KeyValue
from rclpy_cyclone.diagnostics.frequency import FrequencyStatus as FrequencyStatus
from rclpy_cyclone.diagnostics.frequency import FrequencyStatusParam as FrequencyStatusParam
from rclpy_cyclone.diagnostics.stamps import Heartbeat as Heartbeat
from rclpy_cyclone.diagnostics.stamps import TimeStampStatus as TimeStampStatus
from rclpy_cyclone.diagnostics.stamps import TimeStampStatusParam as TimeStampStatusParam
from rclpy_cyclone.diagnostics.status import DiagnosticStatusWrapper as DiagnosticStatusWrapper
from rclpy_cyclone.diagnostics.tasks import CompositeDiagnosticTask as CompositeDiagnosticTask
from rclpy_cyclone.diagnostics.tasks import DiagnosticTask as DiagnosticTask
from rclpy_cyclone.diagnostics.tasks import DiagnosticTaskVector as DiagnosticTaskVector
from rclpy_cyclone.diagnostics.tasks import FunctionDiagnosticTask as FunctionDiagnosticTask
from rclpy_cyclone.diagnostics.topics import DiagnosedPublisher as DiagnosedPublisher
from rclpy_cyclone.diagnostics.topics import HeaderlessTopicDiagnostic as HeaderlessTopicDiagnostic
from rclpy_cyclone.diagnostics.topics import TopicDiagnostic as TopicDiagnostic
from rclpy_cyclone.diagnostics.updater import Updater as Updater
from rclpy_cyclone.time.clock import Clock as Clock
from rclpy_cyclone.time.time import ClockType as ClockType
from rclpy_cyclone.time.time import Time as Time
