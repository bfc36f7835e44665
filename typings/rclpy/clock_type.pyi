# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.time import ClockType as ClockType
from pam_ros.embedded.time import Time as Time
from pam_ros.embedded.time import TimeMsg as TimeMsg
