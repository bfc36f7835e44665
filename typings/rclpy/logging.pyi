# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.logging import LoggingSeverity as LoggingSeverity
from pam_ros.embedded.logging import RcutilsLogger as RcutilsLogger
from pam_ros.embedded.logging import add_rosout as add_rosout
from pam_ros.embedded.logging import clear_config as clear_config
from pam_ros.embedded.logging import configure as configure
from pam_ros.embedded.logging import emit as emit
from pam_ros.embedded.logging import get_logger as get_logger
from pam_ros.embedded.logging import get_logger_effective_level as get_logger_effective_level
from pam_ros.embedded.logging import get_logger_level as get_logger_level
from pam_ros.embedded.logging import get_logging_directory as get_logging_directory
from pam_ros.embedded.logging import get_logging_severity_from_string as get_logging_severity_from_string
from pam_ros.embedded.logging import initialize as initialize
from pam_ros.embedded.logging import remove_rosout as remove_rosout
from pam_ros.embedded.logging import set_logger_level as set_logger_level
from pam_ros.embedded.logging import shutdown as shutdown
