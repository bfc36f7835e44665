# SPDX-License-Identifier: Apache-2.0
"""Definitions of this package's messages that have gained fields, as they were before.

Bags of ROS 2 Humble in sqlite3 hold no definitions: what was recorded there is read by these.
"""

from __future__ import annotations

BEFORE_GROUPS = {
    "pam_ros/msg/AttentionMap": """
std_msgs/Header header
uint32 episode
uint64 tick
string policy_name
string policy_sha256
string method
string layer
string head
string query
string target
string chunk_mode
bool chunk_executed
uint64 command_source_tick
bool valid
string invalid_reason
bool inference_skipped
builtin_interfaces/Time joint_state_stamp
float32 latent_share
float32 joint_state_share
float32 environment_share
float32 entropy
float32[] head_entropy
float32[] head_latent_share
float32 total
float32 completeness_error
float64 forward_seconds
CameraAttention[] cameras
""",
    "pam_ros/msg/CameraAttention": """
std_msgs/Header header
string name
uint32 image_height
uint32 image_width
uint32 rows
uint32 cols
float32 x0
float32 y0
float32 dx
float32 dy
float32[] cells
float32 share
uint32 peak_row
uint32 peak_col
""",
}
