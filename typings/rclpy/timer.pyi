# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.timer import Rate as Rate
from rclpy_cyclone.entities.timer import Timer as Timer
from rclpy_cyclone.errors.exceptions import ROSInterruptException as ROSInterruptException
from rclpy_cyclone.errors.middleware import InvalidHandle as InvalidHandle
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.process.utilities import get_default_context as get_default_context
from rclpy_cyclone.time.clock import Clock as Clock
