# SPDX-License-Identifier: Apache-2.0
"""wrap leaves the policy in memory as it is."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch

from pam_ros.policy import PolicyError, load_policy, wrap


def snapshot(reference):
    policy = reference.policy
    return (
        {key: tensor.clone() for key, tensor in policy.state_dict().items()},
        [m.training for m in policy.modules()],
        [(dict(m._forward_hooks), dict(m._forward_pre_hooks)) for m in policy.modules()],
        [p.requires_grad for p in policy.parameters()],
        [action.clone() for action in policy._action_queue],
        copy.deepcopy(policy.config),
        [step.get_config() for step in reference.preprocessor.steps],
    )


def assert_equal(before, after):
    assert before[0].keys() == after[0].keys()
    for key, tensor in before[0].items():
        torch.testing.assert_close(after[0][key], tensor, atol=0, rtol=0)
    assert before[1:4] == after[1:4]
    assert len(before[4]) == len(after[4])
    assert all(torch.equal(a, b) for a, b in zip(before[4], after[4], strict=True))
    assert before[5:] == after[5:]


def test_wrap_leaves_the_policy_as_it_is(reference_policy):
    reference, twin = reference_policy(), reference_policy()
    rng = np.random.default_rng(0)
    for _ in range(3):  # its queue is half empty
        observation = reference.observation(rng)
        np.testing.assert_array_equal(
            reference.select_action(observation), twin.select_action(observation)
        )
    reference.policy.train()
    seen = []
    reference.policy.model.encoder.register_forward_hook(lambda *_: seen.append(1))
    before = snapshot(reference)
    wrapped = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    for _ in range(9):
        wrapped.step(reference.observation(rng))
    assert_equal(before, snapshot(reference))
    assert not seen  # a hook of the original stays on the original alone
    for _ in range(9):
        observation = reference.observation(rng)
        np.testing.assert_array_equal(
            reference.select_action(observation), twin.select_action(observation)
        )


def test_a_wrapped_policy_acts_as_lerobots(reference_policy):
    reference = reference_policy()
    wrapped = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    rng = np.random.default_rng(1)
    for _ in range(16):
        observation = reference.observation(rng)
        output = wrapped.step(observation)
        expected = reference.select_action(observation)
        assert reference.normalised_difference(output.action, expected) <= 1e-5


def test_later_training_does_not_reach_the_copy(reference_policy):
    reference = reference_policy()
    wrapped = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    observation = reference.observation(np.random.default_rng(2))
    before = wrapped.explain(observation)
    digest = wrapped.spec.sha256
    with torch.no_grad():
        for parameter in reference.policy.parameters():
            parameter.add_(1)
    np.testing.assert_array_equal(wrapped.explain(observation).chunk, before.chunk)
    again = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    assert again.spec.sha256 != digest
    assert reference_policy_digest(reference_policy) == digest


def reference_policy_digest(reference_policy):
    twin = reference_policy()
    return wrap(twin.policy, twin.preprocessor, twin.postprocessor).spec.sha256


def test_wrap_and_load_agree(reference_policy, saved):
    reference = reference_policy()
    wrapped = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    loaded = load_policy(saved, device="cpu")
    assert wrapped.spec.layout == loaded.spec.layout
    observation = reference.observation(np.random.default_rng(3))
    ours, theirs = loaded.step(observation), wrapped.step(observation)
    np.testing.assert_allclose(ours.chunk, theirs.chunk, atol=1e-5)
    np.testing.assert_allclose(ours.attention, theirs.attention, atol=1e-6)


@pytest.mark.parametrize("thing", [None, torch.nn.Linear(2, 2), "outputs/act"])
def test_wrap_takes_act_alone(thing):
    with pytest.raises(PolicyError, match=f"not a policy of type '{type(thing).__name__}'"):
        wrap(thing, None, None)


def test_a_policy_that_cannot_be_copied(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=2)
    weight = torch.zeros(4, 32, requires_grad=True) * 2  # no leaf: deepcopy refuses it
    del reference.policy.model.action_head.weight
    reference.policy.model.action_head.weight = weight
    with pytest.raises(PolicyError, match="cannot be copied"):
        wrap(reference.policy, reference.preprocessor, reference.postprocessor)


def test_importing_the_interface_costs_no_torch():
    code = (
        "import sys; from pam_ros.policy import Policy, PolicyError, PolicyOutput; "
        "assert not {'torch', 'lerobot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
