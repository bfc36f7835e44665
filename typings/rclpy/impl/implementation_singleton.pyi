# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.errors.implementation import rclpy_implementation as rclpy_implementation
