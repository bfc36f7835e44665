# SPDX-License-Identifier: Apache-2.0
"""Nodes that write bags: topics as they come, and sparse features beside the policy."""
