# SPDX-License-Identifier: Apache-2.0
"""Recordings in, a LeRobot dataset to train on out."""
