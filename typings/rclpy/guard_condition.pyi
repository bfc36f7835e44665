# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.guard_condition import GuardCondition as GuardCondition
from rclpy_cyclone.process.utilities import get_default_context as get_default_context
