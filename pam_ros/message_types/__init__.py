# SPDX-License-Identifier: Apache-2.0
"""A Protocol for each message that code without ROS takes; modules are by ROS package.

The same functions take messages of ROS 2's classes, of the embedded runtime's and of rosbags'.
scripts/write_typings.py writes the modules. They are for annotations: at run time any object with
the fields will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pam_ros.message_types.std_msgs import Header


class Stamped(Protocol):
    """A message of any type that has a header."""

    @property
    def header(self) -> Header:
        """Its stamp and frame."""
