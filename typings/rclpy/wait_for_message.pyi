# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.helpers.wait_for_message import wait_for_message as wait_for_message
from rclpy_cyclone.node.node import Node as Node
from rclpy_cyclone.process.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
