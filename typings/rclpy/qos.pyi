# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.duration import Duration as Duration
from pam_ros.embedded.qos import DeadlineBestAvailable as DeadlineBestAvailable
from pam_ros.embedded.qos import DurabilityPolicy as DurabilityPolicy
from pam_ros.embedded.qos import HistoryPolicy as HistoryPolicy
from pam_ros.embedded.qos import InvalidQoSProfileException as InvalidQoSProfileException
from pam_ros.embedded.qos import LivelinessLeaseDurationeBestAvailable as LivelinessLeaseDurationeBestAvailable
from pam_ros.embedded.qos import LivelinessPolicy as LivelinessPolicy
from pam_ros.embedded.qos import QoSDurabilityPolicy as QoSDurabilityPolicy
from pam_ros.embedded.qos import QoSHistoryPolicy as QoSHistoryPolicy
from pam_ros.embedded.qos import QoSLivelinessPolicy as QoSLivelinessPolicy
from pam_ros.embedded.qos import QoSPolicyEnum as QoSPolicyEnum
from pam_ros.embedded.qos import QoSPolicyKind as QoSPolicyKind
from pam_ros.embedded.qos import QoSPresetProfiles as QoSPresetProfiles
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.qos import QoSReliabilityPolicy as QoSReliabilityPolicy
from pam_ros.embedded.qos import ReliabilityPolicy as ReliabilityPolicy
from pam_ros.embedded.qos import qos_policy_name_from_kind as qos_policy_name_from_kind
from pam_ros.embedded.qos import qos_profile_action_status_default as qos_profile_action_status_default
from pam_ros.embedded.qos import qos_profile_best_available as qos_profile_best_available
from pam_ros.embedded.qos import qos_profile_default as qos_profile_default
from pam_ros.embedded.qos import qos_profile_parameter_events as qos_profile_parameter_events
from pam_ros.embedded.qos import qos_profile_parameters as qos_profile_parameters
from pam_ros.embedded.qos import qos_profile_rosout_default as qos_profile_rosout_default
from pam_ros.embedded.qos import qos_profile_sensor_data as qos_profile_sensor_data
from pam_ros.embedded.qos import qos_profile_services_default as qos_profile_services_default
from pam_ros.embedded.qos import qos_profile_system_default as qos_profile_system_default
from pam_ros.embedded.qos import qos_profile_unknown as qos_profile_unknown
from pam_ros.embedded.qos_compatibility import QoSCompatibility as QoSCompatibility
from pam_ros.embedded.qos_compatibility import qos_check_compatible as qos_check_compatible
