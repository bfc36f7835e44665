# SPDX-License-Identifier: Apache-2.0
"""The one exception of this room."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class AttentionError(PamRosError):
    """A selection, map or picture that cannot be: says what would be right."""
