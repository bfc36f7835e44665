# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.errors.exceptions import NoTypeSupportImportedException as NoTypeSupportImportedException
from rclpy_cyclone.types.support import check_for_type_support as check_for_type_support
from rclpy_cyclone.types.support import check_is_valid_msg_type as check_is_valid_msg_type
from rclpy_cyclone.types.support import check_is_valid_srv_type as check_is_valid_srv_type
