# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops.misc import FrozenBatchNorm2d

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import CAMERA_NAMES
from pam_ros.sim.training.samples import Episodes
from pam_ros.sim.training.stats import Stats
from pam_ros.sim.training.train import WARM_UP_STEPS, Phase, Trainer, learning_rate
from pam_ros.sim.training.trainee import CHUNK, STRIDE, Trainee, location_loss

PHASES = (
    Phase(steps=3, width=96, batch=2, lr=1e-3, last_lr=1e-4),
    Phase(steps=2, width=160, batch=2, lr=1e-4, last_lr=0.0),
)


@pytest.fixture(scope="module")
def episodes(recorded):
    return Episodes(recorded)


@pytest.fixture(scope="module")
def stats(episodes):
    return Stats.of(episodes, 20)


def tensors(batch):
    return [
        torch.from_numpy(array) for array in (batch.images, batch.state, batch.actions, batch.cube)
    ]


def test_the_finished_policy_computes_what_the_trained_one_does(episodes, stats):
    torch.manual_seed(1)
    trainee = Trainee(stats).train()
    batch = episodes.batch(np.array([0, 10, 30]), CHUNK, 160)
    for _ in range(3):
        trainee(*tensors(batch))  # moves BatchNorm's statistics
    trainee.eval()
    with torch.no_grad():
        loss, _ = trainee(*tensors(batch))

    policy = trainee.finished()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in policy.modules())
    norms = [m for m in policy.modules() if isinstance(m, FrozenBatchNorm2d)]
    assert len(norms) == 20
    assert all((norm.running_mean != 0).any() for norm in norms)
    inputs = {
        "observation.state": (torch.from_numpy(batch.state) - torch.from_numpy(stats.state_mean))
        / torch.from_numpy(stats.state_std)
    }
    for index, camera in enumerate(CAMERA_NAMES):
        pixels = batch.images[:, index].astype(np.float32) / 255.0
        pixels = (pixels - stats.image_mean[index]) / stats.image_std[index]
        inputs[f"observation.images.{camera}"] = torch.from_numpy(
            pixels.astype(np.float32).transpose(0, 3, 1, 2).copy()
        )
    predicted = policy.predict_action_chunk(inputs).numpy()
    wanted = (batch.actions - stats.action_mean) / stats.action_std
    assert np.abs(predicted - wanted).mean() == pytest.approx(loss.item(), rel=1e-5)


def perfect_output(rows, cols, column, row):
    output = torch.zeros(1, 3, rows, cols)
    output[:, 0] = -50.0
    r, c = round(row / STRIDE), round(column / STRIDE)
    output[0, :, r, c] = torch.tensor([50.0, column / STRIDE - c, row / STRIDE - r])
    return output


def test_the_auxiliary_loss_is_zero_for_the_right_cell_and_place():
    cube = torch.tensor([[100.0, 50.0, 0.7]])
    output = perfect_output(8, 10, 100.0, 50.0)
    assert location_loss(output, cube).item() == pytest.approx(0.0, abs=1e-6)
    # 16 pixels too far to the right are half a cell.
    assert location_loss(output, cube + torch.tensor([16.0, 0.0, 0.0])) > 0.4


@pytest.mark.parametrize("cube", [[-40.0, 50.0, 0.7], [100.0, 400.0, 0.7], [100.0, 50.0, -0.1]])
def test_a_cube_out_of_sight_asks_for_no_cell(cube):
    nowhere = torch.zeros(1, 3, 8, 10)
    nowhere[:, 0] = -50.0
    assert location_loss(nowhere, torch.tensor([cube])).item() == pytest.approx(0.0, abs=1e-6)
    somewhere = perfect_output(8, 10, 100.0, 50.0)
    assert location_loss(somewhere, torch.tensor([cube])).item() > 10


def test_the_learning_rate_warms_up_and_falls_in_every_phase():
    phases = (
        Phase(steps=1000, width=160, batch=16, lr=1e-3, last_lr=1e-4),
        Phase(steps=500, width=320, batch=8, lr=1e-4, last_lr=0.0),
    )
    rates = [learning_rate(step, phases)[1] for step in range(1500)]
    assert rates[0] < 1e-5
    assert max(rates) == pytest.approx(rates[WARM_UP_STEPS], rel=0.1)
    assert (np.diff(rates[300:]) <= 0).all()
    assert rates[999] == pytest.approx(1e-4, rel=0.01)
    assert rates[1499] < 1e-8
    assert [learning_rate(step, phases)[0].width for step in (999, 1000)] == [160, 320]
    with pytest.raises(ValueError, match="after the last phase"):
        learning_rate(1500, phases)


@pytest.mark.usefixtures("one_thread")
def test_a_resumed_training_ends_where_an_unbroken_one_does(episodes, stats, tmp_path):
    whole = Trainer(episodes, stats, tmp_path / "whole", phases=PHASES)
    whole.run()

    class StopTrainingError(Exception):
        pass

    def stop(step):
        if step == 3:
            raise StopTrainingError

    broken = Trainer(episodes, stats, tmp_path / "broken", phases=PHASES)
    with pytest.raises(StopTrainingError):
        broken.run(stop)
    broken.save()
    resumed = Trainer(episodes, stats, tmp_path / "broken", phases=PHASES)
    assert resumed.step == 3
    resumed.run()

    first, second = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_policy_of_small_pictures_is_trained_without_the_cube_s_place(episodes, stats, tmp_path):
    trainer = Trainer(episodes, stats, tmp_path, phases=PHASES[:1], locate_weight=0.0)
    head = trainer.model.locate.weight.detach().clone()
    trainer.run()
    # Weight decay alone moves the head.
    assert torch.allclose(trainer.model.locate.weight, head, rtol=1e-5, atol=0.0)
    width = PHASES[0].width
    picture = trainer.model.finished().config.input_features["observation.images.top"]
    assert picture.shape == (3, 240 * width // 320, width)


def test_a_state_of_another_recipe_is_not_gone_on_with(episodes, stats, tmp_path):
    Trainer(episodes, stats, tmp_path, phases=PHASES).save()
    with pytest.raises(SimError, match="is of another training"):
        Trainer(episodes, stats, tmp_path, phases=PHASES, locate_weight=0.0)


def test_training_lowers_both_losses(episodes, stats, tmp_path):
    phases = (Phase(steps=25, width=96, batch=4, lr=3e-3, last_lr=3e-3),)
    batch = tensors(episodes.batch(np.arange(4), CHUNK, 96))
    trainer = Trainer(episodes, stats, tmp_path, phases=phases)

    def losses():
        trainer.model.train()
        with torch.no_grad():
            return [loss.item() for loss in trainer.model(*batch)]

    before = losses()
    trainer.run()
    after = losses()
    assert after[0] < before[0]
    assert after[1] < 0.5 * before[1]
