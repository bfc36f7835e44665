# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.lifecycle_managed_entity import SimpleManagedEntity as SimpleManagedEntity
from pam_ros.embedded.lifecycle_publisher import LifecyclePublisher as LifecyclePublisher
from pam_ros.embedded.publisher import Publisher as Publisher
from pam_ros.embedded.type_variables import MsgType as MsgType
