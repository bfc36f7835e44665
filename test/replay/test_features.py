# SPDX-License-Identifier: Apache-2.0
"""Sparse features of a replay: those of the encoder on the policy's own tokens."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recorded_robot import ATTENTION, counts, picture, read

from pam_ros.policy import load_policy
from pam_ros.replay import one_bag
from pam_ros.replay.one_bag import replay_bag
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.disk import load_sae, save_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.tokens import parse_sampler, token_table

FEATURES = "/sae_recorder/features"


def write_sae(folder, policy_sha256, layer="encoder", sampler="all"):
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(48, 32, generator=generator), dim=1)
    weights = {
        "W_enc": directions.T.contiguous(),
        "b_enc": torch.full((48,), -0.5),
        "W_dec": directions,
        "b_dec": torch.zeros(32),
    }
    sae = ReluSAE(SaeConfig("standard", 32, 48), weights)
    save_sae(sae, folder, Provenance("act", policy_sha256, layer, sampler, "noise", "0.1.0"))
    return str(folder)


@pytest.mark.parametrize("layer", ["encoder", "encoder_input"])
def test_features_are_those_of_the_layer_and_sampler_of_the_sae(
    bag, settings, tmp_path, checkpoint, layer
):
    policy = load_policy(checkpoint, device="cpu")
    folder = write_sae(tmp_path / "sae", policy.spec.sha256, layer, "stride(2)")
    out = tmp_path / "out"
    replay_bag(bag, out, replace(settings, sae=folder))
    found = read(out, FEATURES)
    maps = read(out, ATTENTION)
    assert [m.tick for m in found] == [m.tick for m in maps] == list(range(11))
    policy.take_tokens(layer)
    encoder = TickEncoder(load_sae(tmp_path / "sae"))
    table = token_table(policy.spec.layout)
    for frame, message in enumerate(found):
        tokens = policy.explain(
            {
                "observation.images.top": picture(2 * frame),
                "observation.images.side": picture(2 * frame + 1),
                "observation.state": np.array([0.01 * frame, -0.02 * frame], np.float32),
            }
        ).tokens
        expected = encoder.encode(*parse_sampler("stride(2)").sample(tokens, table, frame))
        assert message.valid
        assert repr(message.header) == repr(maps[frame].header)
        assert (message.sae_name, message.layer) == ("sae", layer)
        strongest = dict(zip(expected.index.tolist(), expected.maximum.tolist(), strict=True))
        assert len(strongest) > 3
        ours = dict(zip(message.feature.tolist(), message.maximum.tolist(), strict=True))
        # Tokens that differ in the last bit of float32 may round to neighbouring halves.
        for feature in strongest.keys() | ours.keys():
            assert ours.get(feature, 0.0) == pytest.approx(strongest.get(feature, 0.0), abs=5e-3)


def test_a_stopped_replay_goes_on_with_its_features(bag, settings, tmp_path, monkeypatch):
    sha256 = load_policy(settings.policy, device="cpu").spec.sha256
    settings = replace(settings, sae=write_sae(tmp_path / "sae", sha256), batch=2, part_seconds=0.0)
    whole, out = tmp_path / "whole", tmp_path / "out"
    replay_bag(bag, whole, settings)
    runs, calls = one_bag.Ticker.run, []

    def stops(self, batch, *asked):
        calls.append(batch)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return runs(self, batch, *asked)

    with monkeypatch.context() as patch:
        patch.setattr(one_bag.Ticker, "run", stops)
        with pytest.raises(KeyboardInterrupt):
            replay_bag(bag, out, settings)
    replay_bag(bag, out, settings)
    assert counts(whole) == counts(out)
    assert list(map(repr, read(whole, FEATURES))) == list(map(repr, read(out, FEATURES)))


def test_an_sae_of_another_policy_is_refused_with_both_hashes(bag, settings, tmp_path):
    folder = write_sae(tmp_path / "sae", "b" * 64)
    with pytest.raises(SaeError, match="trained on another policy: on " + "b" * 64):
        replay_bag(bag, tmp_path / "out", replace(settings, sae=folder))
