# SPDX-License-Identifier: Apache-2.0
"""Message classes of ROS 2 by the name of their type."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def message_class(name: str) -> type[Any]:
    """The class of a type such as "sensor_msgs/msg/Image"."""
    package, _, kind = name.partition("/msg/")
    found: type[Any] = getattr(importlib.import_module(f"{package}.msg"), kind)
    return found


class RosMessages:
    """Empty messages for a node, as pam_ros.tick.port.MessagePort asks for them."""

    def new(self, name: str) -> Any:
        """An empty message of this type."""
        return message_class(name)()
