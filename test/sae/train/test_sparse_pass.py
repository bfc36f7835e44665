# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from pam_ros.sae.arch.batchtopk import BatchTopKTraining, largest_of_batch
from pam_ros.sae.arch.topk import TopKTraining
from pam_ros.sae.train import sparse_pass as module
from pam_ros.sae.train.settings import TrainingSettings


def dense_code(model, pre):
    """The same selection on a full matrix, for autograd."""
    k = model.settings.k
    if isinstance(model, TopKTraining):
        keep = torch.zeros_like(pre, dtype=torch.bool).scatter_(1, pre.topk(k).indices, True)
    else:
        keep = pre >= pre.flatten().topk(k * len(pre)).values.min()
    return torch.where(keep, pre.relu(), 0.0)


@pytest.mark.parametrize("mkl", [True, False])
@pytest.mark.parametrize("kind", [TopKTraining, BatchTopKTraining])
def test_gradients_are_those_of_the_dense_network(kind, mkl, monkeypatch):
    if not mkl:
        monkeypatch.setattr(module, "_MKL", False)
    torch.manual_seed(0)
    x = torch.randn(64, 12)
    name = "topk" if kind is TopKTraining else "batchtopk"
    settings = TrainingSettings(architecture=name, d_sae=40, k=4, aux_coefficient=0)
    model = kind(settings, x.mean(dim=0), 0.8)
    with torch.no_grad():
        model.b_enc.normal_(0, 0.1)
    loss, _ = model.loss(x)
    loss.backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    scaled = x * 0.8
    pre = (scaled - model.b_dec) @ model.encoder.T + model.b_enc
    reconstruction = dense_code(model, pre) @ model.W_dec + model.b_dec
    dense = (scaled - reconstruction).square().mean()
    dense.backward()
    assert loss.item() == pytest.approx(dense.item(), rel=1e-5)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, ours[name], atol=1e-7, rtol=1e-4), name


def test_the_largest_of_a_batch_do_not_depend_on_the_guess():
    torch.manual_seed(1)
    pre = torch.randn(50, 30)
    wanted = torch.sort(pre.flatten().topk(50 * 3).values).values
    for guess in (0.0, 0.5, 1.2, 100.0):
        code = largest_of_batch(pre, 3, guess)
        assert torch.equal(torch.sort(code.values).values, wanted)
        for row in range(50):
            part = slice(int(code.offsets[row]), int(code.offsets[row + 1]))
            assert torch.equal(pre[row, code.features[part]], code.values[part])


def test_fewer_positive_values_than_asked_for_are_all_kept():
    pre = torch.tensor([[-1.0, 2.0, -3.0], [-1.0, -1.0, -1.0]])
    code = largest_of_batch(pre, 2)
    assert code.features.tolist() == [1]
    assert code.offsets.tolist() == [0, 1, 1]
    tied = largest_of_batch(torch.ones(4, 4), 1)
    assert len(tied.values) == 4
