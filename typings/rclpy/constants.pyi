# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.time.duration import Duration as Duration
from rclpy_cyclone.time.duration import DurationMsg as DurationMsg
from rclpy_cyclone.time.duration import Infinite as Infinite
from rclpy_cyclone.time.duration import S_TO_NS as S_TO_NS
