# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.endpoint_info import TopicEndpointInfo as TopicEndpointInfo
from pam_ros.embedded.endpoint_info import TopicEndpointTypeEnum as TopicEndpointTypeEnum
from pam_ros.embedded.endpoint_info import TypeHash as TypeHash
