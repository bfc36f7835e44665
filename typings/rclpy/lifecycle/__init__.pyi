# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.lifecycle import LifecycleNode as LifecycleNode
from pam_ros.embedded.lifecycle import LifecycleNodeMixin as LifecycleNodeMixin
from pam_ros.embedded.lifecycle import LifecyclePublisher as LifecyclePublisher
from pam_ros.embedded.lifecycle import LifecycleState as LifecycleState
from pam_ros.embedded.lifecycle import ManagedEntity as ManagedEntity
from pam_ros.embedded.lifecycle import Node as Node
from pam_ros.embedded.lifecycle import NodeMixin as NodeMixin
from pam_ros.embedded.lifecycle import Publisher as Publisher
from pam_ros.embedded.lifecycle import SimpleManagedEntity as SimpleManagedEntity
from pam_ros.embedded.lifecycle import State as State
from pam_ros.embedded.lifecycle import TransitionCallbackReturn as TransitionCallbackReturn
