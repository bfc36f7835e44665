# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import ParameterDescriptor as ParameterDescriptor
from rcl_interfaces.msg import SetParametersResult as SetParametersResult
from rclpy_cyclone.entities.publisher import Publisher as Publisher
from rclpy_cyclone.entities.subscription import Subscription as Subscription
from rclpy_cyclone.errors.exceptions import ParameterAlreadyDeclaredException as ParameterAlreadyDeclaredException
from rclpy_cyclone.node.qos_overriding_options import InvalidQosOverridesError as InvalidQosOverridesError
from rclpy_cyclone.node.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from rclpy_cyclone.node.qos_overriding_options import QosCallbackResult as QosCallbackResult
from rclpy_cyclone.node.qos_overriding_options import QosCallbackType as QosCallbackType
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.qos.profile import QoSDurabilityPolicy as QoSDurabilityPolicy
from rclpy_cyclone.qos.profile import QoSHistoryPolicy as QoSHistoryPolicy
from rclpy_cyclone.qos.profile import QoSLivelinessPolicy as QoSLivelinessPolicy
from rclpy_cyclone.qos.profile import QoSPolicyKind as QoSPolicyKind
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
from rclpy_cyclone.qos.profile import QoSReliabilityPolicy as QoSReliabilityPolicy
from rclpy_cyclone.time.duration import Duration as Duration
