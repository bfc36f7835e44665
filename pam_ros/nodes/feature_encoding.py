# SPDX-License-Identifier: Apache-2.0
"""TokenActivations to SaeFeatures, as messages of ROS 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros import feature_encoding
from pam_ros.msg import SaeFeatures

if TYPE_CHECKING:
    from pathlib import Path


class FeatureEncoding(feature_encoding.FeatureEncoding):
    """See pam_ros.feature_encoding."""

    def __init__(self, folder: Path, *, full_code: bool = False) -> None:
        super().__init__(folder, SaeFeatures, full_code=full_code)
