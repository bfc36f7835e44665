# SPDX-License-Identifier: Apache-2.0
"""Message types that carry numbers of a robot, in and out. registry.py names them all."""
