# SPDX-License-Identifier: Apache-2.0
"""Commands that may also talk to a ROS graph, so they stand above the nodes.

Any other command is the main.py of its room.
"""
