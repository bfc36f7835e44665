# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.ament_index.constants import RESOURCE_INDEX_SUBFOLDER as RESOURCE_INDEX_SUBFOLDER
from rclpy_cyclone.ament_index.resources import InvalidResourceNameError as InvalidResourceNameError
from rclpy_cyclone.ament_index.resources import InvalidResourceTypeNameError as InvalidResourceTypeNameError
from rclpy_cyclone.ament_index.resources import get_resource as get_resource
from rclpy_cyclone.ament_index.resources import get_resource_types as get_resource_types
from rclpy_cyclone.ament_index.resources import get_resources as get_resources
from rclpy_cyclone.ament_index.resources import has_resource as has_resource
from rclpy_cyclone.ament_index.search_paths import get_search_paths as get_search_paths
