# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.node import Node as Node
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
from pam_ros.embedded.wait_for_message import wait_for_message as wait_for_message
