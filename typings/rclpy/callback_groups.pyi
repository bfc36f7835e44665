# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.executors.callback_groups import MutuallyExclusiveCallbackGroup as MutuallyExclusiveCallbackGroup
from rclpy_cyclone.executors.callback_groups import ReentrantCallbackGroup as ReentrantCallbackGroup
