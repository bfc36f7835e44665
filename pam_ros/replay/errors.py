# SPDX-License-Identifier: Apache-2.0
"""The one exception of this room."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class ReplayError(PamRosError):
    """A recording, policy or setting that cannot be replayed: one sentence that says why."""
