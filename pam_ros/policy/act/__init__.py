# SPDX-License-Identifier: Apache-2.0
"""LeRobot's ACT: its pass written out, with attention, tokens, edits and gradients."""
