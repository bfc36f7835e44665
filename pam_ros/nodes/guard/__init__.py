# SPDX-License-Identifier: Apache-2.0
"""The process that holds the robot when the policy's node stands still."""
