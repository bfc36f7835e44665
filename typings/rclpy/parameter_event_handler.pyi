# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import ParameterEvent as ParameterEvent
from rclpy_cyclone.entities.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.helpers.parameter_event_handler import ParameterCallbackHandle as ParameterCallbackHandle
from rclpy_cyclone.helpers.parameter_event_handler import ParameterEventCallbackHandle as ParameterEventCallbackHandle
from rclpy_cyclone.helpers.parameter_event_handler import ParameterEventHandler as ParameterEventHandler
from rclpy_cyclone.node.node import Node as Node
from rclpy_cyclone.node.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
