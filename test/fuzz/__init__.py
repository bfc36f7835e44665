# SPDX-License-Identifier: Apache-2.0
"""Fuzzes every parser of what others send."""
