# SPDX-License-Identifier: Apache-2.0
"""Messages of packages outside ROS 2's core that carry pictures: their fields, in order."""

from __future__ import annotations

MESSAGES = {
    # ffmpeg_image_transport, ROS 2's H.264 transport.
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": """\
std_msgs/Header header
int32 width
int32 height
string encoding
uint64 pts
uint8 flags
bool is_bigendian
uint8[] data
""",
    # Foxglove's schema of the same, which has no Header.
    "foxglove_msgs/msg/CompressedVideo": """\
builtin_interfaces/Time timestamp
string frame_id
uint8[] data
string format
""",
}
