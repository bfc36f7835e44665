# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.clock import ROSClock as ROSClock
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.qos import ReliabilityPolicy as ReliabilityPolicy
from pam_ros.embedded.time import ClockType as ClockType
from pam_ros.embedded.time import Time as Time
from pam_ros.embedded.time_source import CLOCK_TOPIC as CLOCK_TOPIC
from pam_ros.embedded.time_source import TimeSource as TimeSource
from pam_ros.embedded.time_source import USE_SIM_TIME_NAME as USE_SIM_TIME_NAME
from rcl_interfaces.msg import SetParametersResult as SetParametersResult
