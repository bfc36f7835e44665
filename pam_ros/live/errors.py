# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with the live page."""

from pam_ros.share.errors import PamRosError


class LiveError(PamRosError):
    """The page cannot be served; the sentence says why."""
