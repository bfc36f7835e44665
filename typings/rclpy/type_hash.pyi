# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.graph.endpoint_info import TopicEndpointInfo as TopicEndpointInfo
from rclpy_cyclone.graph.endpoint_info import TopicEndpointTypeEnum as TopicEndpointTypeEnum
from rclpy_cyclone.graph.endpoint_info import TypeHash as TypeHash
