# SPDX-License-Identifier: Apache-2.0
"""Actions are lerobot's to the bit, whoever watches; and what is drawn changes nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_diffusion import TOP, TWO, make_diffusion

from pam_ros.attention.look import Look
from pam_ros.policy import load_policy
from pam_ros.policy.noise import noise_generator
from pam_ros.tick.loop import TickLoop

LOOK = Look("spatial_softmax", 0)
CONFIGURATIONS = {
    "ddim": {},
    "ddpm": {"noise_scheduler_type": "DDPM", "num_inference_steps": 4},
    "epsilon": {"prediction_type": "epsilon"},
    "crop": {"crop_shape": (50, 80)},
    "resize_and_crop": {"resize_shape": (48, 72), "crop_ratio": 0.9},
    "separate_encoders": {"use_separate_rgb_encoder_per_camera": True},
    "environment": {"environment": 3},
    "one_observation": {"n_obs_steps": 1, "n_action_steps": 8},
    "three_observations": {"n_obs_steps": 3},
    "no_cameras": {"cameras": {}, "environment": 3},
}


def tick(policy, observation, *, explains):
    """As the loop does: a queued action goes out, and the observation is seen all the same."""
    queued = policy.pop_action()
    if queued is None:
        return policy.step(observation).action
    if explains:
        policy.explain(observation)
    else:
        policy.observe(observation)
        policy.skip()
    return queued.action


@pytest.mark.parametrize("options", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_fifty_ticks_are_lerobots_own_with_and_without_maps(options, tmp_path):
    reference = make_diffusion(**options)
    folder = reference.save(tmp_path / "policy")
    plain, watched = (load_policy(folder, device="cpu") for _ in range(2))
    for policy in (plain, watched):
        policy.reset()
    if watched.spec.stacks:
        watched.show(LOOK)
    before = torch.random.get_rng_state()
    rng = np.random.default_rng(0)
    moved = []
    for step in range(50):
        observation = reference.observation(rng)
        ours = tick(plain, observation, explains=False)
        with_maps = tick(watched, observation, explains=True)
        assert torch.equal(torch.random.get_rng_state(), before)
        # lerobot draws where it begins, and DDPM's noise, of the global generator.
        torch.random.set_rng_state(noise_generator(0, 1, step, "commands").get_state())
        theirs = reference.select_action(observation)
        torch.random.set_rng_state(before)
        assert torch.equal(torch.tensor(ours), theirs)
        assert torch.equal(torch.tensor(with_maps), theirs)
        moved.append(theirs)
    assert torch.stack(moved).std(dim=0).min() > 1e-3


def test_noise_that_lerobot_is_given_is_the_generators_first(tmp_path):
    reference = make_diffusion()
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    policy.reset()
    observation = reference.observation(np.random.default_rng(1))
    noise = torch.randn(1, 8, 4, generator=noise_generator(0, 1, 0, "commands"))
    theirs = reference.select_action(observation, noise=noise)
    assert torch.equal(torch.tensor(policy.step(observation).action), theirs)


def test_another_step_stream_or_episode_draws_other_noise(tmp_path):
    reference = make_diffusion()
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    observation = reference.observation(np.random.default_rng(1))
    chunks = []
    for _ in range(2):
        policy.reset()
        chunks += [policy.step(observation).chunk, policy.explain(observation).chunk]
        policy.reset()
        chunks += [policy.explain(observation).chunk]
    for index, one in enumerate(chunks):
        for other in chunks[:index]:
            assert np.abs(one - other).max() > 1e-4


def test_ticks_between_passes_are_remembered(tmp_path):
    reference = make_diffusion()
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    rng = np.random.default_rng(2)
    first, second = reference.observation(rng), reference.observation(rng)
    policy.hold_noise(first)
    alone = policy.explain(second)
    policy.reset()
    policy.observe(first)
    after = policy.explain(second)
    assert np.abs(alone.chunk - after.chunk).max() > 1e-3
    assert [one[TOP].ctypes.data for one in after.history] == [
        one[TOP].ctypes.data for one in (first, second)
    ]


def test_the_first_observation_stands_for_those_before_it(tmp_path):
    reference = make_diffusion(TWO, n_obs_steps=3)
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    rng = np.random.default_rng(2)
    first, second = reference.observation(rng), reference.observation(rng)
    policy.hold_noise(first)
    policy.observe(first)
    found = policy.explain(second)
    policy.reset()
    policy.observe(first)
    policy.observe(first)
    np.testing.assert_array_equal(policy.explain(second).chunk, found.chunk)


def test_a_loop_that_begins_at_a_ticks_numbers_draws_that_ticks_noise(tmp_path):
    reference = make_diffusion()
    folder = reference.save(tmp_path / "policy")
    rng = np.random.default_rng(3)
    observations = [reference.observation(rng) for _ in range(8)]

    def run(loop, seed):
        return loop.run(observations[seed], lambda *_: True, lambda: math.inf).output.chunk

    live = TickLoop(load_policy(folder, device="cpu"))
    live.reset()
    chunks = [run(live, seed) for seed in range(8)]
    policy = load_policy(folder, device="cpu")
    replayed = TickLoop(policy)
    replayed.begin(1, 5)  # where the queue of five was filled again
    policy.observe(observations[4])
    for seed in (5, 6, 7):
        np.testing.assert_array_equal(run(replayed, seed), chunks[seed])
    other = TickLoop(load_policy(folder, device="cpu"))
    other.begin(2, 5)
    assert np.abs(run(other, 5) - chunks[5]).max() > 1e-4
