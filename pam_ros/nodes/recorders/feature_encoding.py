# SPDX-License-Identifier: Apache-2.0
"""TokenActivations to SaeFeatures, as messages of ROS 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.msg import SaeFeatures
from pam_ros.tick import feature_encoding

if TYPE_CHECKING:
    from pathlib import Path


class FeatureEncoding(feature_encoding.FeatureEncoding):
    """See pam_ros.tick.feature_encoding."""

    def __init__(self, folder: Path, *, full_code: bool = False) -> None:
        super().__init__(folder, SaeFeatures, full_code=full_code)
