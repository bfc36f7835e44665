# SPDX-License-Identifier: Apache-2.0
"""A random SAE for normal tokens: the cost of a trained one of the same size and sparsity."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_random_sae(
    folder: Path, policy_sha256: str, layer: str, width: int, features: int, l0: float
) -> None:
    """Write a JumpReLU SAE of unit directions; about `l0` are active on a standard normal row."""
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    from pam_ros.sae.disk import save_sae  # noqa: PLC0415
    from pam_ros.sae.jumprelu import JumpReluSAE  # noqa: PLC0415
    from pam_ros.sae.model import SaeConfig  # noqa: PLC0415
    from pam_ros.sae.provenance import Provenance, pam_ros_version  # noqa: PLC0415

    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(features, width, generator=generator)
    directions = functional.normalize(rows, dim=1)
    threshold = NormalDist().inv_cdf(1 - l0 / features)
    weights = {
        "W_enc": directions.T.contiguous(),
        "b_enc": torch.zeros(features),
        "W_dec": directions,
        "b_dec": torch.zeros(width),
        "threshold": torch.full((features,), threshold),
    }
    provenance = Provenance("stub", policy_sha256, layer, "all", "random", pam_ros_version())
    save_sae(JumpReluSAE(SaeConfig("jumprelu", width, features), weights), folder, provenance)
