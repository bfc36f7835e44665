# SPDX-License-Identifier: Apache-2.0
"""Puts the embedded runtime in place where there is no ROS 2, before any test imports rclpy."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from pam_ros.embedded import install

ROOT = Path(__file__).parents[1]

install(interfaces={"pam_ros": ROOT / "msg"})
