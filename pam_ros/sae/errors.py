# SPDX-License-Identifier: Apache-2.0
"""The error of the sparse-feature room."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class SaeError(PamRosError):
    """Tokens, settings or an SAE that cannot be used: one sentence that says why."""
