# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.cv_bridge import Array as Array
from pam_ros.embedded.cv_bridge import CvBridge as CvBridge
from pam_ros.embedded.cv_bridge import CvBridgeError as CvBridgeError
from pam_ros.embedded.cv_bridge import cvtColor2 as cvtColor2
from pam_ros.embedded.cv_bridge import cvtColorForDisplay as cvtColorForDisplay
from pam_ros.embedded.cv_bridge import getCvType as getCvType
