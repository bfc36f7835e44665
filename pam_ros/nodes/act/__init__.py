# SPDX-License-Identifier: Apache-2.0
"""The node that runs a policy, shows what it attends to and commands the robot."""
