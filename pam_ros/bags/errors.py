# SPDX-License-Identifier: Apache-2.0
"""The exception of bags/."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class BagError(PamRosError):
    """A bag cannot be read or written: one sentence that names it and what would be right."""
