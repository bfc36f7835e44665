# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import SetParametersResult as SetParametersResult
from rclpy_cyclone.node.time_source import CLOCK_TOPIC as CLOCK_TOPIC
from rclpy_cyclone.node.time_source import TimeSource as TimeSource
from rclpy_cyclone.node.time_source import USE_SIM_TIME_NAME as USE_SIM_TIME_NAME
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
from rclpy_cyclone.qos.profile import ReliabilityPolicy as ReliabilityPolicy
from rclpy_cyclone.time.clock import ROSClock as ROSClock
from rclpy_cyclone.time.time import ClockType as ClockType
from rclpy_cyclone.time.time import Time as Time
