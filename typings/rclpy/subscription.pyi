# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.event_handler import EventHandler as EventHandler
from rclpy_cyclone.entities.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
from rclpy_cyclone.entities.subscription import Subscription as Subscription
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
from rclpy_cyclone.types.variables import MsgType as MsgType
from rclpy_cyclone.types.variables import SrvType as SrvType
from rclpy_cyclone.types.variables import SrvTypeRequest as SrvTypeRequest
from rclpy_cyclone.types.variables import SrvTypeResponse as SrvTypeResponse
