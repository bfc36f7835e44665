# SPDX-License-Identifier: Apache-2.0
"""The exception of ablation/."""

from __future__ import annotations

from pam_ros.share.errors import PamRosError


class AblationError(PamRosError):
    """Something that cannot be measured: one sentence that names the input, option or file."""
