# SPDX-License-Identifier: Apache-2.0
"""The adapter of LeRobot's Diffusion Policy."""
