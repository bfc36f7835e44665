# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with the feature browser."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class FeaturesError(PamRosError):
    """One sentence that names the file or value and what would be right."""
