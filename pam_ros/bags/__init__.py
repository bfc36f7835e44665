# SPDX-License-Identifier: Apache-2.0
"""rosbag2 bags in and out; videos and contact sheets of what a recording shows."""

from __future__ import annotations

from pam_ros.bags.contact_sheet import ContactSheet, write_contact_sheet
from pam_ros.bags.errors import BagError
from pam_ros.bags.qos import qos, qos_of
from pam_ros.bags.reader import BagMessage, BagReader, BagTopic
from pam_ros.bags.repair import RepairedFile, RepairReport, repair
from pam_ros.bags.video import Video, write_video
from pam_ros.bags.writer import BagWriter

__all__ = [
    "BagError",
    "BagMessage",
    "BagReader",
    "BagTopic",
    "BagWriter",
    "ContactSheet",
    "RepairReport",
    "RepairedFile",
    "Video",
    "qos",
    "qos_of",
    "repair",
    "write_contact_sheet",
    "write_video",
]
