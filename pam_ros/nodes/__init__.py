# SPDX-License-Identifier: Apache-2.0
"""The nodes: parameters, topics and timers around the core. Plain rclpy, nothing else."""
