# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.duration import Duration as Duration
from pam_ros.embedded.exceptions import ParameterAlreadyDeclaredException as ParameterAlreadyDeclaredException
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.publisher import Publisher as Publisher
from pam_ros.embedded.qos import QoSDurabilityPolicy as QoSDurabilityPolicy
from pam_ros.embedded.qos import QoSHistoryPolicy as QoSHistoryPolicy
from pam_ros.embedded.qos import QoSLivelinessPolicy as QoSLivelinessPolicy
from pam_ros.embedded.qos import QoSPolicyKind as QoSPolicyKind
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.qos import QoSReliabilityPolicy as QoSReliabilityPolicy
from pam_ros.embedded.qos_overriding_options import InvalidQosOverridesError as InvalidQosOverridesError
from pam_ros.embedded.qos_overriding_options import QoSOverridingOptions as QoSOverridingOptions
from pam_ros.embedded.qos_overriding_options import QosCallbackResult as QosCallbackResult
from pam_ros.embedded.qos_overriding_options import QosCallbackType as QosCallbackType
from pam_ros.embedded.subscription import Subscription as Subscription
from rcl_interfaces.msg import ParameterDescriptor as ParameterDescriptor
from rcl_interfaces.msg import SetParametersResult as SetParametersResult
