# SPDX-License-Identifier: Apache-2.0
"""Which rows a live SAE takes. The messages are duck-typed, as in the code."""

from __future__ import annotations

import array
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from planted_tokens import POLICY_SHA, table

from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.disk import save_sae
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.feature_encoding import FeatureEncoding

CELLS = table((2, 3))


class Port:
    """Makes messages whatever their type."""

    def new(self, name):
        return SimpleNamespace(valid=False)


def message_of(sampler: str) -> SimpleNamespace:
    tokens = np.random.default_rng(0).normal(size=(len(CELLS), 4)).astype(np.float32)
    rows, chosen = parse_sampler(sampler).sample(tokens, CELLS)
    columns = {
        name: array.array(code, np.asarray(getattr(chosen, name)).astype(code).tobytes())
        for name, code in (("token", "I"), ("kind", "B"), ("camera", "h"), ("row", "h"))
    }
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0)),
        episode=0, tick=0, policy_name="demo", policy_sha256=POLICY_SHA,
        layer="encoder", sampler=sampler, valid=True, invalid_reason="", tokens=len(rows), width=4,
        data=array.array("H", rows.astype(np.float16).tobytes()), camera_names=["camera0"],
        col=array.array("h", chosen.col.astype(np.int16).tobytes()),
        block_rows=chosen.block_rows, block_cols=chosen.block_cols, **columns,
    )  # fmt: skip


@pytest.mark.parametrize("trained", ["all", "block(2x2)"])
@pytest.mark.parametrize("given", ["all", "stride(2)", "block(2x2)"])
def test_tokens_are_not_encoded_by_an_sae_of_means_nor_means_by_one_of_tokens(
    tmp_path, trained, given
):
    weights = {
        "W_enc": torch.eye(4),
        "b_enc": torch.zeros(4),
        "W_dec": torch.eye(4),
        "b_dec": torch.zeros(4),
    }
    sae = ReluSAE(SaeConfig("standard", 4, 4), weights)
    save_sae(sae, tmp_path / "sae", Provenance("demo", POLICY_SHA, "encoder", trained, "x", "0"))
    found = FeatureEncoding(tmp_path / "sae", Port())
    found = found.encode(message_of(given))
    fits = trained.startswith("block") == given.startswith("block")
    assert found.valid is fits
    if not fits:
        words = f"sampled by {given}, but the SAE was trained on {trained}"
        assert words in found.invalid_reason
