# SPDX-License-Identifier: Apache-2.0
"""Where an SAE comes from, as its cfg.json tells."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from xml.etree import ElementTree as ET

from pam_ros.share.folders import share_directory


@dataclass(frozen=True)
class Provenance:
    """What an SAE was trained on.

    policy_sha256: of the policy's weights, 64 hexadecimal digits. layer: as in policy.take_tokens.
    sampler: canonical text of tokens.parse_sampler. dataset: the source in words.
    """

    policy_name: str
    policy_sha256: str
    layer: str
    sampler: str
    dataset: str
    pam_ros_version: str


def pam_ros_version() -> str:
    """This package's version: that of the installation, else package.xml's."""
    try:
        return metadata.version("pam_ros")
    except metadata.PackageNotFoundError:
        # A colcon build installs package.xml and no metadata of pip's.
        root = ET.parse(share_directory() / "package.xml")  # noqa: S314  (our own file)
        return root.findtext("version", "unknown")
