# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.graph.endpoint_info import TopicEndpointInfo as TopicEndpointInfo
from rclpy_cyclone.graph.endpoint_info import TopicEndpointTypeEnum as TopicEndpointTypeEnum
from rclpy_cyclone.graph.endpoint_info import TypeHash as TypeHash
from rclpy_cyclone.qos.profile import QoSHistoryPolicy as QoSHistoryPolicy
from rclpy_cyclone.qos.profile import QoSPresetProfiles as QoSPresetProfiles
from rclpy_cyclone.qos.profile import QoSProfile as QoSProfile
