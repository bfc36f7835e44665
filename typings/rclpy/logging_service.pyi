# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import LoggerLevel as LoggerLevel
from rcl_interfaces.msg import SetLoggerLevelsResult as SetLoggerLevelsResult
from rcl_interfaces.srv import GetLoggerLevels as GetLoggerLevels
from rcl_interfaces.srv import SetLoggerLevels as SetLoggerLevels
from rclpy_cyclone.arguments.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from rclpy_cyclone.logging.loggers import LoggingSeverity as LoggingSeverity
from rclpy_cyclone.node.logging_service import LoggingService as LoggingService
from rclpy_cyclone.qos.profile import qos_profile_services_default as qos_profile_services_default
