# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.cv_bridge import Array as Array
from rclpy_cyclone.cv_bridge import CvBridge as CvBridge
from rclpy_cyclone.cv_bridge import CvBridgeError as CvBridgeError
from rclpy_cyclone.cv_bridge import cvtColor2 as cvtColor2
from rclpy_cyclone.cv_bridge import cvtColorForDisplay as cvtColorForDisplay
from rclpy_cyclone.cv_bridge import getCvType as getCvType
