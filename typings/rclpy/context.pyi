# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.destroyable import DestroyableType as DestroyableType
from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.process.context import open_contexts as open_contexts
