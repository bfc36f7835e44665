# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.process.utilities import get_available_rmw_implementations as get_available_rmw_implementations
from rclpy_cyclone.process.utilities import get_default_context as get_default_context
from rclpy_cyclone.process.utilities import get_rmw_implementation_identifier as get_rmw_implementation_identifier
from rclpy_cyclone.process.utilities import ok as ok
from rclpy_cyclone.process.utilities import remove_ros_args as remove_ros_args
from rclpy_cyclone.process.utilities import shutdown as shutdown
from rclpy_cyclone.process.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
from rclpy_cyclone.process.utilities import try_shutdown as try_shutdown
