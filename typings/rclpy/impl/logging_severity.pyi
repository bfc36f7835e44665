# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.logging.loggers import LoggingSeverity as LoggingSeverity
from rclpy_cyclone.logging.loggers import RcutilsLogger as RcutilsLogger
from rclpy_cyclone.logging.loggers import add_rosout as add_rosout
from rclpy_cyclone.logging.loggers import clear_config as clear_config
from rclpy_cyclone.logging.loggers import configure as configure
from rclpy_cyclone.logging.loggers import emit as emit
from rclpy_cyclone.logging.loggers import get_logger as get_logger
from rclpy_cyclone.logging.loggers import get_logger_effective_level as get_logger_effective_level
from rclpy_cyclone.logging.loggers import get_logger_level as get_logger_level
from rclpy_cyclone.logging.loggers import get_logging_directory as get_logging_directory
from rclpy_cyclone.logging.loggers import get_logging_severity_from_string as get_logging_severity_from_string
from rclpy_cyclone.logging.loggers import initialize as initialize
from rclpy_cyclone.logging.loggers import remove_rosout as remove_rosout
from rclpy_cyclone.logging.loggers import set_logger_level as set_logger_level
from rclpy_cyclone.logging.loggers import shutdown as shutdown
