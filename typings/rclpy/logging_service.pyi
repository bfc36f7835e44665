# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.logging import LoggingSeverity as LoggingSeverity
from pam_ros.embedded.logging_service import LoggingService as LoggingService
from pam_ros.embedded.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from pam_ros.embedded.qos import qos_profile_services_default as qos_profile_services_default
from rcl_interfaces.msg import LoggerLevel as LoggerLevel
from rcl_interfaces.msg import SetLoggerLevelsResult as SetLoggerLevelsResult
from rcl_interfaces.srv import GetLoggerLevels as GetLoggerLevels
from rcl_interfaces.srv import SetLoggerLevels as SetLoggerLevels
