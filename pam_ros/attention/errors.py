# SPDX-License-Identifier: Apache-2.0
"""The one exception of this room."""

from __future__ import annotations


class AttentionError(ValueError):
    """A selection, map or picture that cannot be: says what would be right."""
