# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.lifecycle_managed_entity import ManagedEntity as ManagedEntity
from pam_ros.embedded.lifecycle_managed_entity import SimpleManagedEntity as SimpleManagedEntity
from pam_ros.embedded.lifecycle_managed_entity import TransitionCallbackReturn as TransitionCallbackReturn
