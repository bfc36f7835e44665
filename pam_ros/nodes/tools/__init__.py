# SPDX-License-Identifier: Apache-2.0
"""Nodes behind commands: what the graph publishes, and the live view."""
