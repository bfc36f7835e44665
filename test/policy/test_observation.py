# SPDX-License-Identifier: Apache-2.0
"""A wrong observation is named and refused, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pam_ros.policy import ObservationError, load_policy

TOP, STATE = "observation.images.top", "observation.state"


def without(name):
    return lambda observation: {k: v for k, v in observation.items() if k != name}


def replaced(name, change):
    return lambda observation: {**observation, name: change(observation.get(name))}


def with_value(value):
    def change(state):
        return np.array([*state[:2], value, *state[3:]], dtype=np.float32)

    return change


WRONG = {
    "no camera": (without(TOP), rf"lacks {TOP}: it must have .*wrist.*state"),
    "no state": (without(STATE), rf"lacks {STATE}"),
    "nothing": (lambda _: {}, rf"lacks {TOP}, .*, {STATE}"),
    "a camera too many": (
        replaced("observation.images.side", lambda _: np.zeros((64, 96, 3), np.uint8)),
        r"has observation\.images\.side, which this policy does not read",
    ),
    "transposed": (
        replaced(TOP, lambda image: image.transpose(2, 0, 1)),
        rf"{TOP} is uint8 of shape \(3, 64, 96\): .* uint8 of shape \(64, 96, 3\)",
    ),
    "another size": (replaced(TOP, lambda image: image[:48]), r"shape \(48, 96, 3\)"),
    "with alpha": (replaced(TOP, lambda image: image[..., [0, 1, 2, 2]]), r"\(64, 96, 4\)"),
    "a float image": (replaced(TOP, lambda image: image / 255), rf"{TOP} is float64"),
    "a list": (replaced(STATE, lambda state: state.tolist()), rf"{STATE} is list"),
    "a double state": (replaced(STATE, lambda s: s.astype(float)), rf"{STATE} is float64"),
    "a short state": (replaced(STATE, lambda s: s[:5]), r"\(5,\).* float32 of shape \(6,\)"),
    "a batched state": (replaced(STATE, lambda s: s[None]), r"\(1, 6\)"),
    "no number": (replaced(STATE, with_value(np.nan)), rf"{STATE} has nan at index 2"),
    "infinite": (replaced(STATE, with_value(-np.inf)), rf"{STATE} has -inf at index 2"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("options", [{}, {"temporal_ensemble_coeff": 0.01}], ids=str)
def test_a_wrong_observation_is_refused_and_changes_nothing(
    reference_policy, saved, wrong, options
):
    spoil, sentence = WRONG[wrong]
    policy, twin = (load_policy(saved, device="cpu", **options) for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(3):
        observation = make_observation(rng)
        for method in (policy.step, policy.explain):
            with pytest.raises(ObservationError, match=sentence):
                method(spoil(observation))
        output, expected = policy.step(observation), twin.step(observation)
        np.testing.assert_array_equal(output.action, expected.action)
        assert output.step == expected.step
        assert output.action_source_step == expected.action_source_step


def make_observation(rng):
    image = rng.integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    return {
        TOP: image[0],
        "observation.images.wrist": image[1],
        STATE: rng.normal(size=6).astype(np.float32),
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.lists(st.integers(0, 70), max_size=4).map(tuple),
    dtype=st.sampled_from(["uint8", "int8", "uint16", "float16", "float32", "float64", "bool"]),
    feature=st.sampled_from([TOP, STATE]),
)
def test_only_the_policys_shape_and_type_pass(policy, shape, dtype, feature):
    right = {TOP: ((64, 96, 3), "uint8"), STATE: ((6,), "float32")}[feature]
    observation = {**make_observation(np.random.default_rng(0)), feature: np.zeros(shape, dtype)}
    if (shape, dtype) == right:
        policy.step(observation)
        return
    with pytest.raises(ObservationError, match=feature):
        policy.step(observation)


@pytest.fixture(scope="module")
def policy(saved):
    return load_policy(saved, device="cpu")
