# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_tokens import table

from pam_ros.sae.arch.jumprelu import JumpReluSAE
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.stats import Moments
from pam_ros.sae.store.tokens import parse_sampler

CELLS = table((3, 4), (2, 2))
WIDTH, FEATURES = 8, 30


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(CELLS), WIDTH)).astype(np.float32)


@pytest.fixture
def sae() -> JumpReluSAE:
    torch.manual_seed(0)
    weights = {
        "W_enc": torch.randn(WIDTH, FEATURES),
        "b_enc": torch.randn(FEATURES) - 1,
        "W_dec": torch.nn.functional.normalize(torch.randn(FEATURES, WIDTH), dim=1),
        "b_dec": torch.zeros(WIDTH),
        "threshold": torch.full((FEATURES,), 0.2),
    }
    made = JumpReluSAE(SaeConfig("jumprelu", WIDTH, FEATURES), weights)
    moments = Moments(WIDTH, 4)
    training = np.random.default_rng(5).normal(size=(200, WIDTH)).astype(np.float32)
    moments.add(training, np.arange(200) % 4)
    made.stats = moments.finish()
    return made


def test_features_are_those_of_the_dense_code(sae, rows):
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    found = TickEncoder(sae, full_code=True).encode(rows, row_table)
    x = torch.from_numpy(rows.astype(np.float16).astype(np.float32))
    dense = sae.encode(x).numpy()
    assert sorted(found.index.tolist()) == np.flatnonzero(dense.max(axis=0) > 0).tolist()
    assert (np.diff(found.maximum) <= 0).all()
    for feature, maximum, token, kind, camera, row, col in zip(
        found.index, found.maximum, found.token, found.kind, found.camera, found.row, found.col,
        strict=True,
    ):  # fmt: skip
        assert maximum == pytest.approx(dense[:, feature].max(), abs=1e-5)
        assert dense[token, feature] == pytest.approx(maximum, abs=1e-5)
        assert (kind, camera) == (CELLS.kind[token], CELLS.camera[token])
        assert (row, col) == (CELLS.row[token], CELLS.col[token])
    code = np.zeros_like(dense)
    for index in range(len(rows)):
        part = slice(found.code.offset[index], found.code.offset[index + 1])
        code[index, found.code.index[part]] = found.code.value[part]
    assert ((code > 0) == (dense > 0)).all()
    assert np.allclose(code, dense, rtol=1e-5, atol=1e-5)
    for feature, maximum, token in zip(found.index, found.maximum, found.token, strict=True):
        assert maximum == code[:, feature].max()
        assert token == code[:, feature].argmax()
    assert found.l0 == pytest.approx((dense > 0).sum(axis=1).mean())
    error = x.numpy() - (dense @ sae.W_dec.numpy() + sae.b_dec.numpy())
    assert found.mean_squared_error == pytest.approx(np.square(error).mean(), rel=1e-5)
    spread = np.square(x.numpy() - sae.stats.mean).sum()
    assert found.explained_variance == pytest.approx(1 - np.square(error).sum() / spread, rel=1e-4)


@pytest.mark.parametrize("sampler", ["all", "stride(2)", "block(2x2)", "uniform(5, seed=1)"])
def test_live_and_offline_agree(sae, rows, sampler):
    chosen, row_table = parse_sampler(sampler).sample(rows, CELLS)
    offline = TickEncoder(sae).encode(chosen, row_table)
    travelled = chosen.astype(np.float16).view(np.uint16).view(np.float16)
    live = TickEncoder(sae).encode(travelled, row_table)
    for name in ("index", "maximum", "token", "kind", "camera", "row", "col"):
        assert (getattr(offline, name) == getattr(live, name)).all()
    assert offline.mean_squared_error == live.mean_squared_error
    assert offline.code is None


def test_without_statistics_explained_variance_is_nan(sae, rows):
    sae.stats = None
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    assert np.isnan(TickEncoder(sae).encode(rows, row_table).explained_variance)


def test_a_tick_without_an_active_feature_is_fine(sae, rows):
    sae.threshold.fill_(1e6)
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    found = TickEncoder(sae, full_code=True).encode(rows, row_table)
    assert len(found.index) == 0
    assert found.l0 == 0
    assert found.code.offset.tolist() == [0] * (len(rows) + 1)


def test_wrong_rows_are_one_sentence(sae, rows):
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    encoder = TickEncoder(sae)
    for wrong in (rows[:, :5], rows[:4], rows[0], rows[:0]):
        with pytest.raises(SaeError, match=r"they must be \(18, 8\)"):
            encoder.encode(wrong, row_table)
    for bad in (np.nan, np.inf, 70_000.0):
        spoilt = rows.copy()
        spoilt[6, 2] = bad
        with pytest.raises(SaeError, match="token 6 holds a value that is not finite in float16"):
            encoder.encode(spoilt, row_table)


def test_the_first_token_stands_for_several_equal_peaks(sae, rows):
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    found = TickEncoder(sae).encode(np.tile(rows[5], (len(rows), 1)), row_table)
    assert len(found.index) > 1
    assert (found.token == 0).all()


def test_weights_that_overflow_are_one_sentence(sae, rows):
    sae.W_enc *= 1e38
    row_table = parse_sampler("all").sample(rows, CELLS)[1]
    with pytest.raises(SaeError, match="not finite: the SAE's weights are too large"):
        TickEncoder(sae).encode(rows * 1e3, row_table)
