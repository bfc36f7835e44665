# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.time.time import ClockType as ClockType
from rclpy_cyclone.time.time import Time as Time
from rclpy_cyclone.time.time import TimeMsg as TimeMsg
