# SPDX-License-Identifier: Apache-2.0
"""Managed nodes, which are configured, activated and shut down from outside."""
