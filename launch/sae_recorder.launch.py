# SPDX-License-Identifier: Apache-2.0
"""Sparse features beside a running attention node, recorded.

ros2 launch pam_ros sae_recorder.launch.py sae:=/path/to/sae bag:=/path/to/new/bag
"""

from launch import LaunchDescription
from pam_ros.nodes.kit.launching import node_actions

PARAMETERS = {
    "sae": (str, "Folder of the sparse autoencoder"),
    "tokens_topic": (str, "TokenActivations to encode, where it is not act_attention/tokens"),
    "bag": (str, "Record into this new folder"),
    "contract": (str, "Record this one's topics: a YAML file, or the name of one in config/robots"),
    "images": (bool, "true: record the contract's cameras too"),
}


def generate_launch_description() -> LaunchDescription:
    """One node."""
    return LaunchDescription(node_actions("sae_recorder", PARAMETERS))
