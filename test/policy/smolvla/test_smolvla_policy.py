# SPDX-License-Identifier: Apache-2.0
"""Its actions are lerobot's own, whether or not anybody looks."""

import numpy as np
import pytest
import torch

from pam_ros.attention.look import Look
from pam_ros.policy import load_policy
from pam_ros.policy.noise import noise_generator

TASK = "reach the red cube"
LOOKS = [
    None,
    Look("expert", 1),
    Look("expert_joint", 0, denoising_step=None),
    Look("prefix", 2, queries=3),
    Look("expert", 1, head=2, queries=(0, 3), denoising_step=0, through="prefix"),
]


@pytest.fixture
def policy(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu", seed=5)
    policy.instruct(TASK)
    return policy


def run(policy, observations):
    """One tick each, as the node runs them: commands from the queue, maps beside them."""
    actions = []
    for index, observation in enumerate(observations):
        queued = policy.pop_action()
        if queued is None:
            actions.append(policy.step(observation).action)
        else:
            actions.append(queued.action)
            if index % 3:
                policy.explain(observation)
            else:
                policy.skip()
    return np.array(actions)


def drawn(policy, step):
    shape = (1, policy.spec.chunk_size, 6)
    return torch.randn(shape, generator=noise_generator(policy.seed, 0, step, "commands"))


@pytest.mark.parametrize("look", LOOKS)
def test_fifty_ticks_are_lerobot_s_with_the_same_noise(reference, policy, look):
    theirs = reference()
    observations = [theirs.observation(np.random.default_rng(k)) for k in range(50)]
    if look is not None:
        policy.show(look)
    expected = [
        theirs.select_action(observation, TASK, drawn(policy, step))
        for step, observation in enumerate(observations)
    ]
    assert np.array_equal(run(policy, observations), np.array(expected))
