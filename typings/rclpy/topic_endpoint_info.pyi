# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.endpoint_info import TopicEndpointInfo as TopicEndpointInfo
from pam_ros.embedded.endpoint_info import TopicEndpointTypeEnum as TopicEndpointTypeEnum
from pam_ros.embedded.endpoint_info import TypeHash as TypeHash
from pam_ros.embedded.qos import QoSHistoryPolicy as QoSHistoryPolicy
from pam_ros.embedded.qos import QoSPresetProfiles as QoSPresetProfiles
from pam_ros.embedded.qos import QoSProfile as QoSProfile
