# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with showing a run."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class ViewError(PamRosError):
    """One sentence that names what cannot be shown and why."""
