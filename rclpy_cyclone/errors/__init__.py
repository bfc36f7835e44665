# SPDX-License-Identifier: Apache-2.0
"""What the API raises, with rclpy's wording, and what rclpy's C layer raises."""
