# SPDX-License-Identifier: Apache-2.0
"""Collected tokens on disk, and which of a tick's tokens they are."""
