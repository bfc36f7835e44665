# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.api import Context as Context
from rclpy_cyclone.api import Future as Future
from rclpy_cyclone.api import Node as Node
from rclpy_cyclone.api import Parameter as Parameter
from rclpy_cyclone.api import SignalHandlerOptions as SignalHandlerOptions
from rclpy_cyclone.api import create_node as create_node
from rclpy_cyclone.api import get_default_context as get_default_context
from rclpy_cyclone.api import get_global_executor as get_global_executor
from rclpy_cyclone.api import get_rmw_implementation_identifier as get_rmw_implementation_identifier
from rclpy_cyclone.api import init as init
from rclpy_cyclone.api import install_signal_handlers as install_signal_handlers
from rclpy_cyclone.api import ok as ok
from rclpy_cyclone.api import shutdown as shutdown
from rclpy_cyclone.api import spin as spin
from rclpy_cyclone.api import spin_once as spin_once
from rclpy_cyclone.api import spin_until_future_complete as spin_until_future_complete
from rclpy_cyclone.api import try_shutdown as try_shutdown
from rclpy_cyclone.api import uninstall_signal_handlers as uninstall_signal_handlers
