# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.lifecycle_managed_entity import ManagedEntity as ManagedEntity
from pam_ros.embedded.lifecycle_managed_entity import TransitionCallbackReturn as TransitionCallbackReturn
from pam_ros.embedded.lifecycle_node import LifecycleNode as LifecycleNode
from pam_ros.embedded.lifecycle_node import LifecycleNodeMixin as LifecycleNodeMixin
from pam_ros.embedded.lifecycle_node import LifecycleState as LifecycleState
from pam_ros.embedded.lifecycle_publisher import LifecyclePublisher as LifecyclePublisher
from pam_ros.embedded.node import Node as Node
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.service import Service as Service
from pam_ros.embedded.type_support import check_is_valid_srv_type as check_is_valid_srv_type
