# SPDX-License-Identifier: Apache-2.0
"""A small random SAE on disk, and tokens for it."""

import array

import numpy as np
import torch

from pam_ros.msg import TokenActivations
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.disk import save_sae
from pam_ros.sae.provenance import Provenance

WIDTH, FEATURES = 8, 32
POLICY = "a" * 64
LAYER = "encoder"


def write_sae(folder, width=WIDTH, features=FEATURES, policy=POLICY, bias=-1.0, scale=1.0) -> None:
    """A ReLU SAE with random directions; the more negative the bias, the sparser."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(
        torch.randn(features, width, generator=generator), dim=1
    )
    weights = {
        "W_enc": directions.T.contiguous() * scale,
        "b_enc": torch.full((features,), bias),
        "W_dec": directions,
        "b_dec": torch.zeros(width),
    }
    sae = ReluSAE(SaeConfig("standard", width, features), weights)
    provenance = Provenance("act", policy, LAYER, "all", "synthetic", "0.1.0")
    save_sae(sae, folder, provenance)


def tokens_message(tick, rows=None, policy=POLICY, layer=LAYER) -> TokenActivations:
    """One tick: a latent and a joint-state token, then a 2 x 3 camera."""
    if rows is None:
        rows = np.random.default_rng(tick).standard_normal((8, WIDTH))
    halves = np.asarray(rows, np.float16)
    message = TokenActivations(episode=2, tick=tick, policy_name="act", policy_sha256=policy)
    message.header.frame_id = "top"
    message.header.stamp.sec = 100 + tick
    message.layer, message.sampler, message.valid = layer, "all", True
    message.tokens, message.width = halves.shape
    message.data = array.array("H", halves.tobytes())
    message.token = array.array("I", range(len(halves)))
    message.kind = array.array("B", [1, 2, *[0] * (len(halves) - 2)])
    message.camera_names = ["observation.images.top"]
    cells = [divmod(cell, 3) for cell in range(len(halves) - 2)]
    message.camera = array.array("h", [-1, -1, *[0] * len(cells)])
    message.row = array.array("h", [-1, -1, *[row for row, _ in cells]])
    message.col = array.array("h", [-1, -1, *[col for _, col in cells]])
    message.block_rows = message.block_cols = 1
    return message
