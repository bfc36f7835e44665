# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.executors.task import Future as Future
from rclpy_cyclone.executors.task import Task as Task
