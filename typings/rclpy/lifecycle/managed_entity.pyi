# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.lifecycle.managed_entity import ManagedEntity as ManagedEntity
from rclpy_cyclone.lifecycle.managed_entity import SimpleManagedEntity as SimpleManagedEntity
from rclpy_cyclone.lifecycle.managed_entity import TransitionCallbackReturn as TransitionCallbackReturn
