# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.lifecycle.public_names import LifecycleNode as LifecycleNode
from rclpy_cyclone.lifecycle.public_names import LifecycleNodeMixin as LifecycleNodeMixin
from rclpy_cyclone.lifecycle.public_names import LifecyclePublisher as LifecyclePublisher
from rclpy_cyclone.lifecycle.public_names import LifecycleState as LifecycleState
from rclpy_cyclone.lifecycle.public_names import ManagedEntity as ManagedEntity
from rclpy_cyclone.lifecycle.public_names import Node as Node
from rclpy_cyclone.lifecycle.public_names import NodeMixin as NodeMixin
from rclpy_cyclone.lifecycle.public_names import Publisher as Publisher
from rclpy_cyclone.lifecycle.public_names import SimpleManagedEntity as SimpleManagedEntity
from rclpy_cyclone.lifecycle.public_names import State as State
from rclpy_cyclone.lifecycle.public_names import TransitionCallbackReturn as TransitionCallbackReturn
