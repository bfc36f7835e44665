# SPDX-License-Identifier: Apache-2.0
"""What `import rclpy` finds: the finder, and which names each public module shows."""
