# SPDX-License-Identifier: Apache-2.0
"""Noise belongs to a pass, and to nothing that ran before it."""

import numpy as np
import pytest
import torch

from pam_ros.policy.noise import noise_generator, observation_noise_generator


def drawn(generator):
    return torch.randn(4, 3, generator=generator)


def test_the_same_pass_draws_the_same_noise():
    first, again = (drawn(noise_generator(1, 2, 3, "commands")) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    "other", [(2, 2, 3, "commands"), (1, 3, 3, "commands"), (1, 2, 4, "commands"),
              (1, 2, 3, "explaining"), (12, 3, 3, "commands")]
)  # fmt: skip
def test_another_seed_episode_step_or_stream_draws_other_noise(other):
    first, second = drawn(noise_generator(1, 2, 3, "commands")), drawn(noise_generator(*other))
    assert (first != second).all()


def test_noise_is_standard_normal_over_many_steps():
    values = torch.cat(
        [torch.randn(50, generator=noise_generator(0, 0, k, "commands")) for k in range(400)]
    )
    assert abs(float(values.mean())) < 0.03
    assert abs(float(values.std()) - 1) < 0.03


def test_torch_s_global_generator_stays_as_it_was():
    before = torch.random.get_rng_state()
    drawn(noise_generator(1, 2, 3, "commands"))
    drawn(observation_noise_generator(1, {"a": np.zeros(3, np.float32)}))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_observation_s_noise_depends_on_all_of_it_and_not_on_its_order():
    one = {"a": np.zeros((2, 2, 3), np.uint8), "b": np.zeros(3, np.float32)}
    turned = {name: one[name] for name in ("b", "a")}
    assert torch.equal(
        drawn(observation_noise_generator(0, one)), drawn(observation_noise_generator(0, turned))
    )
    for name in one:
        other = {key: value.copy() for key, value in one.items()}
        other[name].reshape(-1)[-1] = 1
        assert not torch.equal(
            drawn(observation_noise_generator(0, one)),
            drawn(observation_noise_generator(0, other)),
        )
    assert not torch.equal(
        drawn(observation_noise_generator(0, one)), drawn(observation_noise_generator(1, one))
    )


def test_a_view_that_is_not_contiguous_is_read_as_its_values():
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert torch.equal(
        drawn(observation_noise_generator(0, {"a": picture[:, ::-1]})),
        drawn(observation_noise_generator(0, {"a": picture[:, ::-1].copy()})),
    )
