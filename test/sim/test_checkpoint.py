# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pam_ros.policy import load_policy
from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import observe, run_episode
from pam_ros.sim.scene import EVALUATION_SEEDS, Scene
from pam_ros.sim.training.checkpoint import PolicyActor, load_mean_images, save_checkpoint
from pam_ros.sim.training.lerobot_api import ACTPolicy, make_pre_post_processors
from pam_ros.sim.training.samples import Episodes
from pam_ros.sim.training.stats import Stats
from pam_ros.sim.training.trainee import Trainee

SHIPPED = Path(__file__).parents[2] / "models" / "demo_act"


@pytest.fixture(scope="module")
def saved(recorded, tmp_path_factory):
    """A checkpoint of an untrained policy, and the policy and statistics that went into it."""
    torch.manual_seed(0)
    stats = Stats.of(Episodes(recorded), 10)
    policy = Trainee(stats).finished()
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(policy, stats, folder)
    return folder, policy, stats


def loaded(folder):
    policy = ACTPolicy.from_pretrained(folder).eval()
    return PolicyActor(
        policy, *make_pre_post_processors(policy.config, pretrained_path=str(folder))
    )


def test_a_checkpoint_is_half_precision_and_at_most_30_mb(saved):
    folder, _, _ = saved
    weights = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 30e6


def test_lerobot_loads_the_checkpoint_and_acts_as_before_it_was_halved(saved):
    folder, policy, stats = saved
    before, after = PolicyActor.of(policy, stats), loaded(folder)
    with Scene() as scene:
        for seed in EVALUATION_SEEDS[:3]:
            scene.reset(seed)
            seen = observe(scene)
            for actor in (before, after):
                actor.reset()
            difference = np.abs(before.act(seen) - after.act(seen)) / stats.action_std
            assert difference.max() < 0.01


def test_load_policy_and_lerobot_drive_the_arm_alike(saved):
    folder, _, _ = saved
    actor, policy = loaded(folder), load_policy(str(folder), device="cpu")
    assert policy.spec.chunk_mode == "temporal_ensemble"
    policy.reset()
    actor.reset()
    with Scene() as scene:
        for _ in range(5):
            seen = observe(scene)
            action = actor.act(seen)
            assert np.allclose(policy.step(seen).action, action, atol=1e-5)
            scene.command(action)
            scene.step()


def test_weights_that_overflow_half_precision_are_refused(saved, tmp_path):
    _, _, stats = saved
    policy = Trainee(stats).finished()
    with torch.no_grad():
        policy.model.action_head.bias[0] = 1e6
    with pytest.raises(SimError, match=r"action_head\.bias does not fit into half precision"):
        save_checkpoint(policy, stats, tmp_path)


def test_the_mean_pictures_come_back_as_they_were(saved):
    folder, _, stats = saved
    means = load_mean_images(folder)
    assert np.array_equal(means["top"], stats.mean_images[0])
    assert np.array_equal(means["wrist"], stats.mean_images[1])


def test_a_checkpoint_without_mean_pictures_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(SimError, match=r"mean_images\.npz"):
        load_mean_images(tmp_path)


def test_the_shipped_checkpoint_uses_temporal_ensembling_and_full_size_pictures():
    config = json.loads((SHIPPED / "config.json").read_text())
    assert config["type"] == "act"
    assert config["temporal_ensemble_coeff"] == 0.01
    assert config["n_action_steps"] == 1
    assert config["use_vae"] is False
    assert config["pretrained_backbone_weights"] is None
    for camera in ("top", "wrist"):
        assert config["input_features"][f"observation.images.{camera}"]["shape"] == [3, 240, 320]
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 30e6


class LoadedPolicy:
    """pam_ros's own inference as an actor."""

    def __init__(self, folder):
        self._policy = load_policy(str(folder), device="cpu")

    def reset(self):
        self._policy.reset()

    def act(self, observation):
        return self._policy.step(observation).action


@pytest.mark.slow
def test_the_shipped_policy_reaches_the_cube_and_blind_it_does_not():
    actor = LoadedPolicy(SHIPPED)
    with Scene() as scene:
        sighted = [run_episode(scene, actor, seed) for seed in EVALUATION_SEEDS[:8]]
        blind = run_episode(scene, actor, EVALUATION_SEEDS[0], load_mean_images(SHIPPED))
    assert sum(episode.success for episode in sighted) >= 6
    assert not blind.success
