# SPDX-License-Identifier: Apache-2.0
"""rclpy.lifecycle.publisher: sends only while its node is active."""

from __future__ import annotations

from typing import Any, Generic

from rclpy_cyclone.entities.publisher import Publisher
from rclpy_cyclone.types.variables import MsgType

from .managed_entity import SimpleManagedEntity


class LifecyclePublisher(SimpleManagedEntity, Publisher[MsgType], Generic[MsgType]):
    """A publisher of a managed node; make it by create_lifecycle_publisher()."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        SimpleManagedEntity.__init__(self)
        Publisher.__init__(self, *args, **kwargs)

    @SimpleManagedEntity.when_enabled
    def publish(self, msg: MsgType | bytes) -> None:
        """Send a message while active, drop it otherwise."""
        Publisher.publish(self, msg)
