# SPDX-License-Identifier: Apache-2.0
"""Spans and points of time, and clocks."""
