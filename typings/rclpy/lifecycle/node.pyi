# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.service import Service as Service
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.lifecycle.managed_entity import ManagedEntity as ManagedEntity
from rclpy_cyclone.lifecycle.managed_entity import TransitionCallbackReturn as TransitionCallbackReturn
from rclpy_cyclone.lifecycle.node import LifecycleNode as LifecycleNode
from rclpy_cyclone.lifecycle.node import LifecycleNodeMixin as LifecycleNodeMixin
from rclpy_cyclone.lifecycle.node import LifecycleState as LifecycleState
from rclpy_cyclone.lifecycle.publisher import LifecyclePublisher as LifecyclePublisher
from rclpy_cyclone.node.node import Node as Node
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
from rclpy_cyclone.types.support import check_is_valid_srv_type as check_is_valid_srv_type
