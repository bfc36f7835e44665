# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
from pam_ros.embedded.node import Node as Node
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.parameter_event_handler import ParameterCallbackHandle as ParameterCallbackHandle
from pam_ros.embedded.parameter_event_handler import ParameterEventCallbackHandle as ParameterEventCallbackHandle
from pam_ros.embedded.parameter_event_handler import ParameterEventHandler as ParameterEventHandler
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from rcl_interfaces.msg import ParameterEvent as ParameterEvent
