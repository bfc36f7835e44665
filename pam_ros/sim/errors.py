# SPDX-License-Identifier: Apache-2.0
"""The one exception of this room."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class SimError(PamRosError):
    """Something of the demo robot is missing or was used wrongly; the message says what."""
