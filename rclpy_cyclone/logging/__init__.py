# SPDX-License-Identifier: Apache-2.0
"""Loggers, and their lines on the console."""
