# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.client import Client as Client
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.executors.task import Future as Future
from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
from rclpy_cyclone.time.clock import Clock as Clock
from rclpy_cyclone.types.variables import MsgType as MsgType
from rclpy_cyclone.types.variables import SrvType as SrvType
from rclpy_cyclone.types.variables import SrvTypeRequest as SrvTypeRequest
from rclpy_cyclone.types.variables import SrvTypeResponse as SrvTypeResponse
