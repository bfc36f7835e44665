# SPDX-License-Identifier: Apache-2.0
"""The exception of report/."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class ReportError(PamRosError):
    """A recording cannot be shown: one sentence that names it and what would be right."""
