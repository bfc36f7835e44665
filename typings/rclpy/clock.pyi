# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.destroyable import DestroyableType as DestroyableType
from rclpy_cyclone.errors.exceptions import NotInitializedException as NotInitializedException
from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.process.utilities import get_default_context as get_default_context
from rclpy_cyclone.time.clock import Clock as Clock
from rclpy_cyclone.time.clock import ClockChange as ClockChange
from rclpy_cyclone.time.clock import JumpHandle as JumpHandle
from rclpy_cyclone.time.clock import JumpThreshold as JumpThreshold
from rclpy_cyclone.time.clock import ROSClock as ROSClock
from rclpy_cyclone.time.clock import TimeJump as TimeJump
from rclpy_cyclone.time.duration import Duration as Duration
from rclpy_cyclone.time.time import ClockType as ClockType
from rclpy_cyclone.time.time import Time as Time
from rclpy_cyclone.time.time import TimeMsg as TimeMsg
