# SPDX-License-Identifier: Apache-2.0
"""Sparse features of a policy's tokens: collect, train, measure, encode. Knows no ROS."""
