# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.destroyable import DESTROYED as DESTROYED
from rclpy_cyclone.entities.destroyable import Destroyable as Destroyable
from rclpy_cyclone.entities.destroyable import DestroyableType as DestroyableType
