# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from pam_ros import cli
from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import Scene
from pam_ros.sim.words.actors import LeRobotActor
from pam_ros.sim.words.checkpoint import load_checkpoint, save_checkpoint
from pam_ros.sim.words.lerobot_api import SmolVLAPolicy
from pam_ros.sim.words.recipe import train_words
from pam_ros.sim.words.train import Plan, Trainer, draw_times, learning_rate

PLAN = Plan(steps=3, batch=1, warm_up=1)


class StopTrainingError(Exception):
    pass


@pytest.mark.usefixtures("one_thread")
def test_a_resumed_training_ends_where_an_unbroken_one_does(vlm, stats, tmp_path):
    whole = Trainer(stats, vlm, tmp_path / "whole", PLAN)
    start = {name: value.clone() for name, value in whole.averaged.state_dict().items()}
    whole.run()

    def stop(step):
        if step == 2:
            raise StopTrainingError

    broken = Trainer(stats, vlm, tmp_path / "broken", PLAN, save_every=1)
    with pytest.raises(StopTrainingError):
        broken.run(stop)
    resumed = Trainer(stats, vlm, tmp_path / "broken", PLAN)
    assert resumed.step == 2
    resumed.run()
    for first, second in ((whole.model, resumed.model), (whole.averaged, resumed.averaged)):
        one, other = first.state_dict(), second.state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
    moved = whole.averaged.state_dict()
    assert sum(not torch.equal(start[name], moved[name]) for name in start) > 50


def test_a_state_of_another_plan_is_not_gone_on_with(vlm, stats, tmp_path):
    Trainer(stats, vlm, tmp_path, PLAN).save()
    with pytest.raises(SimError, match="is of another training"):
        Trainer(stats, vlm, tmp_path, Plan(steps=3, batch=1, warm_up=1, locate_weight=0.0))


def test_the_control_trains_without_the_heads(vlm, stats, tmp_path):
    plan = Plan(steps=2, batch=1, warm_up=1, locate_weight=0.0)
    trainer = Trainer(stats, vlm, tmp_path, plan)
    heads = [trainer.model.locate_named[1], trainer.model.locate_each[1]]
    before = [head.weight.detach().clone() for head in heads]
    trainer.run()
    for head, weight in zip(heads, before, strict=True):
        # Weight decay alone moves them.
        assert torch.allclose(head.weight, weight, rtol=1e-4, atol=0.0)


def test_the_learning_rate_rises_and_falls():
    plan = Plan(steps=1000, lr=1e-3, warm_up=100)
    rates = [learning_rate(step, plan) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-5, rel=0.01)
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert (np.diff(rates[100:]) < 0).all()
    assert rates[-1] == pytest.approx(2e-5, rel=0.01)


def test_moments_are_drawn_as_lerobot_draws_them():
    found = draw_times((200, 200), torch.Generator().manual_seed(0))
    wanted = torch.distributions.Beta(1.5, 1.0)
    assert found.min() >= 0.001
    assert found.max() <= 1.0
    assert found.mean().item() == pytest.approx(0.999 * wanted.mean.item() + 0.001, abs=0.005)
    assert found.std().item() == pytest.approx(0.999 * wanted.stddev.item(), abs=0.005)


def test_the_command_trains_writes_a_checkpoint_of_lerobots_and_resumes(
    tmp_path, monkeypatch, caplog
):
    out, work = tmp_path / "policy", tmp_path / "work"
    arguments = ["sim", "train", "--policy", "smolvla", "--out", str(out), "--work", str(work)]
    arguments += ["--steps", "2", "--batch", "1", "--device", "cpu", "--validate-every", "0"]
    assert cli.main(arguments) == 0
    with caplog.at_level("INFO"):
        assert cli.main(arguments) == 0
    assert "resuming at step 2" in caplog.text

    files = [file for file in out.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 15e6
    settings = json.loads((out / "config.json").read_text())
    assert settings["type"] == "smolvla"
    assert settings["vlm_model_name"] == "vlm"
    assert str(tmp_path) not in "".join(f.read_text() for f in files if f.suffix == ".json")
    # LeRobot alone reads it where its working directory is the checkpoint.
    monkeypatch.chdir(out)
    policy = SmolVLAPolicy.from_pretrained(".")
    assert 1e6 < sum(value.numel() for value in policy.parameters()) < 3e6


def test_a_checkpoint_acts_as_the_policy_that_was_saved(vlm, stats, tmp_path):
    trainer = Trainer(stats, vlm, tmp_path, PLAN)
    save_checkpoint(trainer.averaged, stats, tmp_path / "policy")
    policy, before, after = load_checkpoint(tmp_path / "policy")
    saved = trainer.averaged.state_dict()
    assert all(torch.equal(saved[name], value) for name, value in policy.state_dict().items())
    actor = LeRobotActor(policy, before, after)
    with Scene() as scene:
        actor.instruct("reach the red cube")
        first = actor.act(observe(scene))
        actor.reset()
        assert np.array_equal(actor.act(observe(scene)), first)
        actor.reset()
        actor.instruct("reach the blue cube")
        assert not np.array_equal(actor.act(observe(scene)), first)
        actor.reset()
        actor.instruct(None)
        masked = actor.act(observe(scene))
        assert not np.array_equal(masked, first)
    assert first.shape == (6,)
    assert np.isfinite(first).all()


def test_masked_words_are_not_read(vlm, stats, tmp_path):
    trainer = Trainer(stats, vlm, tmp_path, PLAN)
    save_checkpoint(trainer.averaged, stats, tmp_path / "policy")
    policy, before, after = load_checkpoint(tmp_path / "policy")
    with torch.no_grad():
        embedding = policy.model.vlm_with_expert.get_vlm_model().text_model.embed_tokens
        actor = LeRobotActor(policy, before, after)
        actor.instruct(None)
        with Scene() as scene:
            first = actor.act(observe(scene))
            embedding.weight.mul_(7.0)
            actor.reset()
            assert np.allclose(actor.act(observe(scene)), first, atol=1e-6)
            actor.instruct("reach the red cube")
            actor.reset()
            assert not np.allclose(actor.act(observe(scene)), first, atol=1e-6)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (Plan(steps=0), "--steps must be at least 1"),
        (Plan(batch=0), "--batch must be at least 1"),
        (Plan(locate_weight=float("nan")), "--locate-weight must be 0 or more"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path, plan, sentence):
    with pytest.raises(SimError, match=sentence):
        train_words(tmp_path / "out", tmp_path / "work", plan, "cpu", 0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--policy", "smolvla", "--width", "160"], "--width belongs to --policy act"),
        (["--steps", "5"], "--steps belongs to --policy smolvla"),
        (["--threads", "0"], "--threads must be at least 1"),
    ],
)
def test_options_of_the_other_policy_are_one_sentence(arguments, sentence, capsys):
    assert cli.main(["sim", "train", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_a_folder_without_a_policy_that_reads_words_is_one_sentence(tmp_path):
    with pytest.raises(SimError, match=r"it needs config.json and the folder vlm"):
        load_checkpoint(tmp_path)
