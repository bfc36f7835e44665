# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.ament_index.packages import PackageNotFoundError as PackageNotFoundError
from rclpy_cyclone.ament_index.packages import get_package_prefix as get_package_prefix
from rclpy_cyclone.ament_index.packages import get_package_share_directory as get_package_share_directory
from rclpy_cyclone.ament_index.packages import get_package_share_path as get_package_share_path
from rclpy_cyclone.ament_index.packages import get_packages_with_prefixes as get_packages_with_prefixes
from rclpy_cyclone.ament_index.resources import get_resource as get_resource
from rclpy_cyclone.ament_index.resources import get_resources as get_resources
from rclpy_cyclone.ament_index.search_paths import get_search_paths as get_search_paths
