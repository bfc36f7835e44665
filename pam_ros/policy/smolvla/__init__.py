# SPDX-License-Identifier: Apache-2.0
"""LeRobot's SmolVLA: its own pass, watched by taps that only read."""
