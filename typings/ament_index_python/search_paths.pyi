# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.ament_index.constants import AMENT_PREFIX_PATH_ENV_VAR as AMENT_PREFIX_PATH_ENV_VAR
from rclpy_cyclone.ament_index.search_paths import get_search_paths as get_search_paths
