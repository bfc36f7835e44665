# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import ParameterEvent as ParameterEvent
from rcl_interfaces.srv import DescribeParameters as DescribeParameters
from rcl_interfaces.srv import GetParameterTypes as GetParameterTypes
from rcl_interfaces.srv import GetParameters as GetParameters
from rcl_interfaces.srv import ListParameters as ListParameters
from rcl_interfaces.srv import SetParameters as SetParameters
from rcl_interfaces.srv import SetParametersAtomically as SetParametersAtomically
from rclpy_cyclone.entities.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
from rclpy_cyclone.entities.subscription import Subscription as Subscription
from rclpy_cyclone.executors.callback_groups import CallbackGroup as CallbackGroup
from rclpy_cyclone.executors.task import Future as Future
from rclpy_cyclone.helpers.parameter_client import AsyncParameterClient as AsyncParameterClient
from rclpy_cyclone.node.node import Node as Node
from rclpy_cyclone.node.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.parameters.parameter import ParameterMsg as ParameterMsg
from rclpy_cyclone.parameters.parameter import parameter_dict_from_yaml_file as parameter_dict_from_yaml_file
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
