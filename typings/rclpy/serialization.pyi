# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.types.serialization import deserialize_message as deserialize_message
from rclpy_cyclone.types.serialization import serialize_message as serialize_message
from rclpy_cyclone.types.support import check_for_type_support as check_for_type_support
