# SPDX-License-Identifier: Apache-2.0
"""The one exception of this room."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class ExportError(PamRosError):
    """A recording, setting or folder that cannot be exported: one sentence that says why."""
