# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.publisher import Publisher as Publisher
from rclpy_cyclone.lifecycle.managed_entity import SimpleManagedEntity as SimpleManagedEntity
from rclpy_cyclone.lifecycle.publisher import LifecyclePublisher as LifecyclePublisher
from rclpy_cyclone.types.variables import MsgType as MsgType
