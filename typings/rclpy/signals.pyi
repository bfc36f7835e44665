# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.guard_condition import GuardCondition as GuardCondition
from rclpy_cyclone.errors.middleware import InvalidHandle as InvalidHandle
from rclpy_cyclone.process.signals import SignalHandlerOptions as SignalHandlerOptions
from rclpy_cyclone.process.signals import get_current_signal_handlers_options as get_current_signal_handlers_options
from rclpy_cyclone.process.signals import install_signal_handlers as install_signal_handlers
from rclpy_cyclone.process.signals import uninstall_signal_handlers as uninstall_signal_handlers
