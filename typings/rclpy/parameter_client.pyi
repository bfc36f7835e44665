# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
from pam_ros.embedded.node import Node as Node
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.parameter import ParameterMsg as ParameterMsg
from pam_ros.embedded.parameter import parameter_dict_from_yaml_file as parameter_dict_from_yaml_file
from pam_ros.embedded.parameter_client import AsyncParameterClient as AsyncParameterClient
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from pam_ros.embedded.subscription import Subscription as Subscription
from pam_ros.embedded.task import Future as Future
from rcl_interfaces.msg import ParameterEvent as ParameterEvent
from rcl_interfaces.srv import DescribeParameters as DescribeParameters
from rcl_interfaces.srv import GetParameterTypes as GetParameterTypes
from rcl_interfaces.srv import GetParameters as GetParameters
from rcl_interfaces.srv import ListParameters as ListParameters
from rcl_interfaces.srv import SetParameters as SetParameters
from rcl_interfaces.srv import SetParametersAtomically as SetParametersAtomically
