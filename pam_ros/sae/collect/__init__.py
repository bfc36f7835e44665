# SPDX-License-Identifier: Apache-2.0
"""Runs a policy over observations and keeps its tokens."""
