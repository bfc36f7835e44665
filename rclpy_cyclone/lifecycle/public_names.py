# SPDX-License-Identifier: Apache-2.0
"""rclpy.lifecycle: nodes that are configured, activated and shut down from outside."""

from __future__ import annotations

from .managed_entity import ManagedEntity, SimpleManagedEntity
from .node import LifecycleNode, LifecycleNodeMixin, LifecycleState
from .publisher import LifecyclePublisher
from .state_machine import TransitionCallbackReturnType as TransitionCallbackReturn

Node = LifecycleNode
NodeMixin = LifecycleNodeMixin
State = LifecycleState
Publisher = LifecyclePublisher

# As in rclpy, without the short names: `from rclpy.lifecycle import *` must not replace a Node.
__all__ = [
    "LifecycleNode",
    "LifecycleNodeMixin",
    "LifecyclePublisher",
    "LifecycleState",
    "ManagedEntity",
    "SimpleManagedEntity",
    "TransitionCallbackReturn",
]
