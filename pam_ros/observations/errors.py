# SPDX-License-Identifier: Apache-2.0
"""The exception of observations/."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class SourceError(PamRosError):
    """Observations that cannot be had: one sentence that names the bag, data set or value."""
