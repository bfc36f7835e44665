# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.sae.arch.classes import finished_classes, training_class
from pam_ros.sae.arch.jumprelu import BANDWIDTH, JumpReluTraining, _Jump
from pam_ros.sae.arch.names import ARCHITECTURES, name_of
from pam_ros.sae.train.parallel import Ranks
from pam_ros.sae.train.settings import TrainingSettings
from pam_ros.sae.train.trainer import geometric_median, make_optimizer, train_step


def fit(planted, settings: TrainingSettings):
    """Train in memory on fresh planted tokens."""
    tokens = torch.from_numpy(planted.tokens(20_000))
    mean = tokens.mean(dim=0)
    scale = float((tokens - mean).square().mean()) ** -0.5
    model = training_class(settings.architecture)(settings, mean, scale, tokens[: settings.d_sae])
    parameters = list(model.parameters())
    optimizer = make_optimizer(parameters, settings)
    ranks = Ranks("cpu")
    rng = torch.Generator().manual_seed(0)
    for step in range(settings.steps):
        batch = tokens[torch.randint(len(tokens), (settings.batch,), generator=rng)]
        train_step(model, optimizer, parameters, batch, step, ranks)
    return model


SETTINGS = {
    "standard": {"l1_coefficient": 1.0},
    "topk": {},
    "batchtopk": {},
    "jumprelu": {"l0_coefficient": 1.0},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_planted_features_are_found(planted, architecture):
    settings = TrainingSettings(
        architecture=architecture,
        d_sae=48,
        k=3,
        tokens=600_000,
        batch=512,
        learning_rate=3e-3,
        dead_after=20_000,
        **SETTINGS[architecture],
    )
    sae = fit(planted, settings).finished()
    cosines = torch.from_numpy(planted.directions).float() @ sae.W_dec.T
    found = cosines.max(dim=1).values
    assert (found > 0.95).float().mean() >= 0.9
    x = torch.from_numpy(planted.tokens(4000, seed=9))
    error = (x - sae.decode(sae.encode(x))).square().sum()
    explained = 1 - float(error / (x - x.mean(dim=0)).square().sum())
    assert explained > 0.9
    l0 = float((sae.encode(x) > 0).float().sum(dim=1).mean())
    assert 2.0 < l0 < 8.0
    assert torch.allclose(sae.W_dec.norm(dim=1), torch.ones(48), atol=1e-5)


def test_batchtopk_is_saved_as_a_jumprelu_of_the_same_sparsity(planted):
    settings = TrainingSettings(
        architecture="batchtopk", d_sae=48, k=3, tokens=300_000, batch=512, learning_rate=3e-3
    )
    model = fit(planted, settings)
    sae = model.finished()
    assert (sae.cfg.architecture, sae.cfg.trained_as) == ("jumprelu", "batchtopk")
    x = torch.from_numpy(planted.tokens(4000, seed=9))
    assert float((sae.encode(x) > 0).float().sum(dim=1).mean()) == pytest.approx(3, rel=0.15)
    # A token's code does not depend on its neighbours.
    assert torch.allclose(sae.encode(x)[5:6], sae.encode(x[5:6]), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_finished_sae_computes_what_was_trained(planted, architecture):
    x = torch.from_numpy(planted.tokens(400))
    settings = TrainingSettings(architecture=architecture, d_sae=48, k=3)
    model = training_class(architecture)(settings, x.mean(dim=0), 2.5, x[:48])
    model.loss(x)  # batchtopk takes its threshold from a batch
    sae = model.finished()
    trained = model.code(x * 2.5).reconstruction / 2.5
    if architecture == "batchtopk":
        at_threshold = (sae.encode(x) > 0).sum()
        assert abs(int(at_threshold) - 3 * len(x)) <= 2
    else:
        assert torch.allclose(sae.decode(sae.encode(x)), trained, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bfloat16_learns_as_well(planted, architecture):
    if architecture == "standard":
        pytest.skip("as jumprelu: the same products")
    settings = TrainingSettings(
        architecture=architecture,
        d_sae=48,
        k=3,
        tokens=200_000,
        batch=512,
        learning_rate=3e-3,
        bfloat16=True,
        **SETTINGS[architecture],
    )
    sae = fit(planted, settings).finished()
    assert all(tensor.dtype == torch.float32 for tensor in sae.weights().values())
    x = torch.from_numpy(planted.tokens(4000, seed=9))
    error = (x - sae.decode(sae.encode(x))).square().sum()
    assert 1 - float(error / (x - x.mean(dim=0)).square().sum()) > 0.8


def test_the_decoders_gradient_is_orthogonal_to_its_rows(planted):
    x = torch.from_numpy(planted.tokens(500))
    settings = TrainingSettings(d_sae=48, k=3)
    model = training_class("topk")(settings, x.mean(dim=0), 1.0, x[:48])
    model.loss(x)[0].backward()
    assert (model.W_dec.grad * model.W_dec).sum(dim=1).abs().max() > 1e-6
    model.before_step()
    assert (model.W_dec.grad * model.W_dec).sum(dim=1).abs().max() < 1e-7


def test_the_auxiliary_loss_moves_dead_features_alone(planted):
    x = torch.from_numpy(planted.tokens(500))
    settings = TrainingSettings(d_sae=48, k=3, dead_after=1000, aux_k=4)
    model = training_class("topk")(settings, x.mean(dim=0), 1.0)
    with torch.no_grad():
        model.b_enc[:8] = -100.0  # never among the three largest
        model.idle[:8] = 2000
    loss, metrics = model.loss(x)
    assert float(metrics["dead_share"]) == pytest.approx(8 / 48)
    assert float(metrics["auxiliary"]) > 0
    loss.backward()
    with_auxiliary = model.W_dec.grad.clone()
    assert with_auxiliary[:8].abs().max() == 0  # below zero all of them: ReLU lets nothing through
    with torch.no_grad():
        model.b_enc[:8] = 0.0
        model.encoder[:8] *= 1e-3  # alive to the auxiliary loss, never among the largest
        model.idle[:8] = 2000
    model.zero_grad()
    model.loss(x)[0].backward()
    assert model.W_dec.grad[:8].abs().max() > 0
    assert model.encoder.grad[:8].abs().max() > 0


def test_auxiliary_training_revives_features(planted):
    """Two features in three begin where no token lies; only the auxiliary loss reaches them."""

    def dead(coefficient: float) -> float:
        settings = TrainingSettings(
            d_sae=48, k=3, tokens=300_000, batch=512, learning_rate=3e-3, dead_after=10_000,
            aux_coefficient=coefficient, aux_k=12,
        )  # fmt: skip
        tokens = torch.from_numpy(planted.tokens(20_000))
        model = training_class("topk")(settings, tokens.mean(dim=0), 1.0, tokens[:48])
        with torch.no_grad():
            model.b_enc[:32] = -3.0
        parameters = list(model.parameters())
        optimizer = make_optimizer(parameters, settings)
        rng = torch.Generator().manual_seed(0)
        for step in range(settings.steps):
            batch = tokens[torch.randint(len(tokens), (512,), generator=rng)]
            train_step(model, optimizer, parameters, batch, step, Ranks("cpu"))
        return float((model.finished().encode(tokens) > 0).any(dim=0).logical_not().float().mean())

    assert dead(1 / 32) < dead(0.0) - 0.2


def test_jumprelu_uses_the_papers_pseudo_derivatives():
    pre = torch.tensor([[0.49, 0.51, 0.2, 2.0]], requires_grad=True)
    threshold = torch.full((4,), 0.5, requires_grad=True)
    activations, active = _Jump.apply(pre, threshold)
    assert activations.tolist() == [[0.0, pytest.approx(0.51), 0.0, 2.0]]
    assert active.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    (3.0 * activations.sum() + 7.0 * active.sum()).backward()
    near = -(0.5 / BANDWIDTH * 3.0 + 7.0 / BANDWIDTH)
    assert threshold.grad.tolist() == pytest.approx([near, near, 0.0, 0.0])
    assert pre.grad.tolist() == [[0.0, 3.0, 0.0, 3.0]]


def test_jumprelu_thresholds_stay_at_zero_or_above():
    model = JumpReluTraining(
        TrainingSettings(architecture="jumprelu", d_sae=4), torch.zeros(3), 1.0
    )
    with torch.no_grad():
        model.threshold.fill_(-1.0)
    model.after_step()
    assert model.threshold.min() == 0


def test_a_geometric_median_is_where_an_outlier_does_not_pull():
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.normal(size=(501, 5))).float()
    points[0] = 1e4
    median = geometric_median(points)
    # Fermat: the unit vectors to the points cancel.
    towards = torch.nn.functional.normalize(points - median, dim=1).sum(dim=0)
    assert towards.norm() < 0.1
    assert points.mean(dim=0).norm() > 10 * median.norm()


def test_the_name_trained_is_the_name_saved_but_for_what_ends_as_another():
    for name in ARCHITECTURES:
        model = training_class(name)(TrainingSettings(name, d_sae=4, k=2), torch.zeros(3), 1.0)
        saved = model.finished().cfg.architecture
        assert saved == ("jumprelu" if name == "batchtopk" else name)
    assert list(finished_classes()) == ["standard", "topk", "jumprelu"]


def test_an_old_name_is_taken_for_todays():
    assert TrainingSettings(architecture="relu_l1") == TrainingSettings(architecture="standard")
    assert name_of("relu_l1") == "standard"
    assert name_of("gated") == "gated"


def test_settings_that_make_no_sense_are_one_sentence():
    from pam_ros.sae.errors import SaeError

    for change, words in (
        ({"k": 2000}, "k 2000 must be at most the number of features, 1024"),
        ({"architecture": "gated"}, "architecture 'gated' must be one of standard, topk"),
        ({"batch": 0}, "batch 0 must be at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate nan must be a number from 0 up"),
        ({"warm_up": 0.9, "decay": 0.2}, "must add up to at most 1"),
    ):
        with pytest.raises(SaeError, match=words):
            TrainingSettings(**change)


def test_the_learning_rate_rises_stays_and_falls():
    settings = TrainingSettings(tokens=1000, batch=10, learning_rate=2.0, warm_up=0.1, decay=0.2)
    rates = [settings.learning_rate_at(step) for step in range(settings.steps)]
    assert rates[:10] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    assert set(rates[10:80]) == {2.0}
    assert rates[80:] == pytest.approx([2.0 * (20 - i) / 20 for i in range(20)])
