# SPDX-License-Identifier: Apache-2.0
"""A random SAE for normal tokens, and a detector: what trained ones of the same size cost."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


ARCHITECTURES = ("topk", "jumprelu")


def write_random_sae(
    folder: Path,
    policy_sha256: str,
    layer: str,
    width: int,
    features: int,
    l0: float,
    architecture: str = "jumprelu",
) -> None:
    """Write an SAE of unit directions; `l0` are active on a standard normal row.

    topk: exactly, rounded to a whole number. jumprelu: on average.
    """
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    from pam_ros.sae.arch.jumprelu import JumpReluSAE  # noqa: PLC0415
    from pam_ros.sae.arch.model import SAE, SaeConfig  # noqa: PLC0415
    from pam_ros.sae.arch.topk import TopKSAE  # noqa: PLC0415
    from pam_ros.sae.disk import save_sae  # noqa: PLC0415
    from pam_ros.sae.provenance import Provenance, pam_ros_version  # noqa: PLC0415
    from pam_ros.sae.store.stats import Moments  # noqa: PLC0415

    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(features, width, generator=generator)
    directions = functional.normalize(rows, dim=1)
    weights = {
        "W_enc": directions.T.contiguous(),
        "b_enc": torch.zeros(features),
        "W_dec": directions,
        "b_dec": torch.zeros(width),
    }
    provenance = Provenance("stub", policy_sha256, layer, "all", "random", pam_ros_version())
    sae: SAE
    if architecture == "topk":
        sae = TopKSAE(SaeConfig("topk", width, features, k=round(l0)), weights)
    else:
        threshold = NormalDist().inv_cdf(1 - l0 / features)
        weights["threshold"] = torch.full((features,), threshold)
        sae = JumpReluSAE(SaeConfig("jumprelu", width, features), weights)
    moments = Moments(width, 1)
    moments.add(torch.randn(100, width, generator=generator).numpy(), np.zeros(100, np.int64))
    sae.stats = moments.finish()
    save_sae(sae, folder, provenance)


def write_detector(folder: Path, tokens: int, l0: float, cameras: Sequence[str]) -> None:
    """Write an out-of-distribution detector that was fitted on nothing beside an SAE."""
    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.ood.detector import OodDetector, OodModel, part_names  # noqa: PLC0415
    from pam_ros.sae.ood.file import OodIdentity  # noqa: PLC0415
    from pam_ros.sae.ood.fit import WINDOW  # noqa: PLC0415
    from pam_ros.sae.ood.parts import TrainingNorms  # noqa: PLC0415

    sae = load_sae(folder)
    found = sae.cfg.provenance
    assert found is not None
    zeros, ones = np.zeros(tokens, np.float32), np.ones(tokens, np.float32)
    rate = np.full((tokens, sae.cfg.d_sae), l0 / sae.cfg.d_sae, np.float32)
    present = np.ones((len(cameras), sae.cfg.d_sae), np.float32)
    parts = part_names(cameras)
    model = OodModel(
        identity=OodIdentity(
            found.policy_sha256, found.layer, found.sampler, sae.sha256, found.pam_ros_version
        ),
        camera_names=tuple(cameras),
        usual=TrainingNorms(zeros, ones, zeros, ones, rate, 2 * ones, present),
        window=WINDOW,
        parts=parts,
        centre=np.zeros(len(parts)),
        spread=np.ones(len(parts)),
        threshold=1e3,
        rate=0.01,
        normal="nothing: made for timing",
    )
    OodDetector(model, sae).save(folder)
