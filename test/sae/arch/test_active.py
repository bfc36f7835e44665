# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.sae.arch import active as module
from pam_ros.sae.arch.active import ActiveFeatures
from pam_ros.sae.arch.jumprelu import JumpReluSAE
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.arch.topk import TopKSAE

ROWS, WIDTH, FEATURES = 23, 16, 70


def make(kind: str, *, subtracts: bool = True):
    """A random SAE; half of a JumpReLU's thresholds are below 0, which counts as 0."""
    noise = torch.Generator().manual_seed(3)
    weights = {
        "W_enc": torch.randn(WIDTH, FEATURES, generator=noise),
        "b_enc": torch.randn(FEATURES, generator=noise) - 2,
        "W_dec": torch.randn(FEATURES, WIDTH, generator=noise),
        "b_dec": torch.randn(WIDTH, generator=noise),
    }
    config = SaeConfig(kind, WIDTH, FEATURES, 5 if kind == "topk" else None, subtracts)
    if kind == "topk":
        return TopKSAE(config, weights)
    if kind == "standard":
        return ReluSAE(config, weights)
    threshold = torch.randn(FEATURES, generator=noise)
    return JumpReluSAE(config, {**weights, "threshold": threshold})


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("subtracts", [True, False])
@pytest.mark.parametrize("kind", ["standard", "jumprelu", "topk"])
def test_the_active_features_are_the_dense_codes_that_are_not_zero(
    kind, subtracts, packed, monkeypatch
):
    if not packed:
        monkeypatch.setattr(module, "OneDnnKernels", PlainKernels)
    sae = make(kind, subtracts=subtracts)
    finder = ActiveFeatures(sae)
    # A reused buffer must not remember the tick before, nor its size.
    for rows in (ROWS, ROWS, 4, ROWS):
        x = torch.randn(rows, WIDTH)
        with torch.inference_mode():
            found = finder.find(x)
        dense = sae.encode(x).numpy()
        row, feature = np.nonzero(dense)
        assert len(row) > rows
        assert found.row.tolist() == row.tolist()
        assert found.feature.tolist() == feature.tolist()
        assert np.allclose(found.value, dense[row, feature], rtol=1e-5, atol=1e-5)
        counts = (dense > 0).sum(axis=1)
        assert found.offset.tolist() == [0, *np.cumsum(counts).tolist()]


def test_a_threshold_is_not_reached_by_being_equal_to_it():
    sae = make("jumprelu", subtracts=False)
    sae.W_enc.zero_()
    sae.b_enc.fill_(0.5)
    sae.threshold.fill_(0.5)
    sae.threshold[7] = 0.25
    with torch.inference_mode():
        found = ActiveFeatures(sae).find(torch.zeros(2, WIDTH))
    assert found.row.tolist() == [0, 1]
    assert found.feature.tolist() == [7, 7]
    assert found.value.tolist() == [0.5, 0.5]


def wide(k: int, features: int = 4099):
    """A top-k SAE that gives out what it is given, whose features fill many groups and a rest."""
    weights = {
        "W_enc": torch.eye(features),
        "b_enc": torch.zeros(features),
        "W_dec": torch.eye(features),
        "b_dec": torch.zeros(features),
    }
    return TopKSAE(SaeConfig("topk", features, features, k, False), weights)


@pytest.mark.parametrize("k", [1, 3, 16, 200, 4099])
def test_the_largest_of_many_features_are_found_wherever_they_are(k):
    sae = wide(k)
    pre = torch.rand(7, 4099, generator=torch.Generator().manual_seed(k)) + 1
    pre[1] *= -1
    pre[2] -= 1.99
    pre[3, ::64] += 5
    pre[4, :100] += 5
    pre[5, -10:] += 5
    pre[6] = torch.arange(4099)
    with torch.inference_mode():
        found = ActiveFeatures(sae).find(pre)
    dense = sae.encode(pre).numpy()
    row, feature = np.nonzero(dense)
    assert found.row.tolist() == row.tolist()
    assert found.feature.tolist() == feature.tolist()
    assert np.array_equal(found.value, dense[row, feature])
    assert found.offset.tolist() == [0, *np.cumsum((dense > 0).sum(axis=1)).tolist()]


def test_of_equal_features_the_first_k_are_active():
    pre = torch.full((3, 4099), 0.5)
    pre[1] = 0.0
    pre[2, 4000:] = 1.0
    with torch.inference_mode():
        found = ActiveFeatures(wide(3)).find(pre)
    assert found.row.tolist() == [0, 0, 0, 2, 2, 2]
    assert found.feature.tolist() == [0, 1, 2, 4000, 4001, 4002]
    assert found.offset.tolist() == [0, 3, 3, 6]


@pytest.mark.parametrize("column", [5, 4098])
def test_a_feature_that_is_no_number_is_not_passed_over(column, monkeypatch):
    finder = ActiveFeatures(wide(3))
    pre = torch.rand(4, 4099) + 1
    pre[2, column] = torch.nan
    monkeypatch.setattr(finder, "_product", lambda _: pre)
    with torch.inference_mode():
        found = finder.find(pre)
    assert np.isnan(found.value).any()


def test_no_dense_code_is_made_of_the_k_largest(monkeypatch):
    def dense(*_):
        raise AssertionError("a dense code was made")

    monkeypatch.setattr(TopKSAE, "activate", dense)
    with torch.inference_mode():
        found = ActiveFeatures(wide(3)).find(torch.rand(4, 4099) + 1)
    assert found.offset.tolist() == [0, 3, 6, 9, 12]
